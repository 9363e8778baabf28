"""The encoder that fine-tuning starts from, loaded by SpeechBrain's own loader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.encoders.registry import BUNDLED, HUB_NAME
from speakerid.encoders.speechbrain import HYPERPARAMS, SpeechBrainEncoder
from speakerid.training.errors import NotTrainable
from speakerid.training.loop import Device, mixed_precision
from speakerid.training.toolkit import fetch
from speakerid.types import FloatArray

MAX_EMBEDDED = 30 * SAMPLE_RATE_HZ


@dataclass(frozen=True, eq=False)
class BaseEncoder:
    encoder: SpeechBrainEncoder
    hyperparams: str  # the text of its YAML file
    device: Device

    @property
    def net(self) -> nn.Module:
        """The part that is trained."""
        return cast(nn.Module, self.encoder.classifier.mods.embedding_model)

    @property
    def trained_on(self) -> tuple[str, ...]:
        return self.encoder.trained_on or (f"whatever {self.encoder.name} was trained on",)

    @torch.no_grad()
    def features(self, waves: Tensor) -> Tensor:
        """`(batch, frames, mels)` of rows of full length, as `encode_batch` has them."""
        modules = self.encoder.classifier.mods
        waves = waves.to(self.device)
        features: Tensor = modules.compute_features(waves)
        normalized: Tensor = modules.mean_var_norm(features, torch.ones(len(waves), device=features.device))
        return normalized

    def forward(self, features: Tensor) -> Tensor:
        """`(batch, dim)`, not normalized, float32."""
        with mixed_precision(self.device):
            out: Tensor = self.net(features)
        return out.reshape(len(features), -1).float()

    def embed(self, waves: Sequence[FloatArray]) -> FloatArray:
        """`(n, dim)`, of the first 30 s of each."""
        return np.concatenate([self.encoder.embed([wave[:MAX_EMBEDDED]]) for wave in waves])


def load_base(spec: str, device: Device) -> BaseEncoder:
    """Raises `NotTrainable`, `EncoderNotFound`, `EncoderFailed`. A directory or hub name can run code from its YAML."""
    if spec == "fake" or spec.endswith(".onnx"):
        raise NotTrainable(spec, "an exported graph has no weights to train" if spec != "fake" else "it is for tests")
    source = str(BUNDLED.parent) if spec == "bundled" else spec
    if not Path(source).is_dir() and not HUB_NAME.fullmatch(source):
        raise NotTrainable(spec, "there is no such directory")
    encoder = SpeechBrainEncoder.load(source, device=device)
    if encoder.sample_rate_hz != SAMPLE_RATE_HZ:
        raise NotTrainable(spec, f"it works at {encoder.sample_rate_hz} Hz, not at {SAMPLE_RATE_HZ}")
    return BaseEncoder(encoder, Path(fetch(HYPERPARAMS, source)).read_text(encoding="utf-8"), device)


def layers(net: nn.Module) -> list[nn.Module]:
    """The net's layers from input to output, those with weights."""
    found: list[nn.Module] = []
    for child in net.children():
        found.extend(child.children() if isinstance(child, nn.ModuleList | nn.Sequential) else [child])
    return [layer for layer in found if any(True for _ in layer.parameters())]
