"""What fine-tuning starts from and learns: the head alone first, then the net too, layers near the input more slowly.

The head is an additive angular margin (Deng et al. 2019, https://arxiv.org/abs/1801.07698) over the user's speakers,
each at several speeds, that starts at the base encoder's own voiceprints. Batch norms keep the statistics of the base:
small sets of speakers would spoil them. A second term keeps each damaged crop near the base's embedding of the clean
utterance, which is what keeps the encoder from forgetting everybody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.encoders.registry import BUNDLED, HUB_NAME
from speakerid.encoders.speechbrain import SpeechBrainEncoder
from speakerid.encoders.speechbrain_source import HYPERPARAMS
from speakerid.training.augment import Augmenter
from speakerid.training.errors import NotTrainable
from speakerid.training.loop import Device, Terms, mixed_precision, warmup_cosine
from speakerid.training.toolkit import AdditiveAngularMargin, fetch
from speakerid.training.training_set import Sampler, TrainingSet
from speakerid.types import FloatArray

MAX_EMBEDDED = 30 * SAMPLE_RATE_HZ
WARMUP = 0.1  # of the steps after the head's own
BUNDLED_NAMES = ("bundled", "ecapa-mini")


@dataclass(frozen=True, eq=False)
class BaseEncoder:
    """Loaded by SpeechBrain's own loader."""

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
    source = str(BUNDLED.parent) if spec in BUNDLED_NAMES else spec
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


@dataclass(frozen=True)
class TuneOptions:
    head_share: float = 0.15  # of the steps, with the net frozen
    head_rate: float = 1e-2
    rate: float = 2e-4  # of the last layer; each one before it gets `layer_decay` times that
    layer_decay: float = 0.8
    keep: float = 1.0  # weight of staying near the base
    margin: float = 0.2
    scale: float = 30.0


class MarginHead(nn.Module):
    """`centers` `(classes, dim)`, rows of any length."""

    def __init__(self, centers: Tensor, options: TuneOptions) -> None:
        super().__init__()
        self.centers = nn.Parameter(centers.clone())
        self._margin = AdditiveAngularMargin(options.margin, options.scale)

    def forward(self, embeddings: Tensor, label: Tensor) -> Tensor:
        cosines = functional.normalize(embeddings) @ functional.normalize(self.centers).T
        return functional.cross_entropy(self._margin(cosines, functional.one_hot(label, len(self.centers))), label)


class FinetuneTask:
    def __init__(
        self, base: BaseEncoder, training_set: TrainingSet, sampler: Sampler, augment: Augmenter, options: TuneOptions
    ) -> None:
        self._base, self._options = base, options
        self._sampler, self._augment = sampler, augment
        self._label = torch.from_numpy(training_set.label).to(base.device)
        self._target = torch.from_numpy(training_set.taught[0]).to(base.device)
        self.net = base.net.requires_grad_(True)
        self.head = MarginHead(_voiceprints(self._target, self._label), options)
        self.optimizer = torch.optim.AdamW(self._groups(), lr=options.rate, weight_decay=0.0)

    def _groups(self) -> list[dict[str, object]]:
        found = layers(self.net)
        groups: list[dict[str, object]] = [
            {"params": list(layer.parameters()), "share": self._options.layer_decay ** (len(found) - 1 - i)}
            for i, layer in enumerate(found)
        ]
        return [{"params": list(self.head.parameters()), "share": 0.0}, *groups]

    def set_rates(self, share: float) -> None:
        head, *net = self.optimizer.param_groups
        head["lr"] = self._options.head_rate * warmup_cosine(share, 0.0)
        since = (share - self._options.head_share) / max(1 - self._options.head_share, 1e-9)
        for group in net:
            group["lr"] = group["share"] * self._options.rate * (warmup_cosine(since, WARMUP) if since >= 0 else 0.0)

    def losses(self, share: float, random: np.random.Generator) -> Terms:
        batch = self._sampler.draw(random)
        entry = batch.entry.to(self._base.device)
        features = self._base.features(self._augment(batch.clean, random))
        with torch.set_grad_enabled(share >= self._options.head_share):
            embeddings = self._base.forward(features)
        margin = self.head(embeddings, self._label[entry])
        cosine = functional.cosine_similarity(embeddings, self._target[entry]).mean()
        return {"loss": margin + self._options.keep * (1 - cosine), "margin": margin, "cosine": cosine}


def _voiceprints(target: Tensor, label: Tensor) -> Tensor:
    """The mean embedding of every class, `(classes, dim)`."""
    sums = torch.zeros(int(label.max()) + 1, target.shape[1], device=target.device)
    return functional.normalize(sums.index_add_(0, label, target))
