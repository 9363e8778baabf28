"""Writes a SpeechBrain speaker model as one ONNX file with its card inside; kept only if it agrees with SpeechBrain."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import nn

from speakerid.encoders.card import SEAL_KEY, UNSEALED, seal
from speakerid.encoders.onnx import OnnxEncoder
from speakerid.training.errors import ExportParityError
from speakerid.training.graph import WaveToEmbedding
from speakerid.training.model_directory import fingerprint
from speakerid.training.toolkit import EncoderClassifier

NEEDED_COSINE = 0.99999
OPSET = 17
MIN_S = 0.1
CHECKED_S = (0.1, 0.37, 1.0, 3.0, 7.3)
CHECKED_BATCHES = (1, 3)


@dataclass(frozen=True)
class ExportReport:
    path: Path
    name: str
    fingerprint: str
    dim: int
    min_samples: int
    size_bytes: int
    worst_cosine: float  # against encode_batch


def export(directory: Path, out: Path, *, name: str | None = None, trained_on: Sequence[str] = ()) -> ExportReport:
    """Exports a local SpeechBrain model directory (a hub model: its cache folder). Raises `ExportParityError`."""
    overrides = {"pretrained_path": str(directory)} if _names_a_hub(directory) else {}
    classifier = EncoderClassifier.from_hparams(source=str(directory), overrides=overrides)
    called = name or directory.resolve().name
    return export_classifier(classifier, out, fingerprint=fingerprint(directory), name=called, trained_on=trained_on)


def _names_a_hub(directory: Path) -> bool:
    return any(
        line.startswith("pretrained_path:") for line in (directory / "hyperparams.yaml").read_text().splitlines()
    )


def export_classifier(
    classifier: Any, out: Path, *, fingerprint: str, name: str, trained_on: Sequence[str] = ()
) -> ExportReport:
    """Exports a loaded `EncoderClassifier`."""
    modules = classifier.mods
    graph = WaveToEmbedding(modules.compute_features, modules.mean_var_norm, modules.embedding_model).eval()
    rate_hz = int(getattr(classifier.hparams, "sample_rate", 16_000))
    min_samples = max(round(MIN_S * rate_hz), _reach(modules.embedding_model) * graph.features.hop)
    with torch.no_grad():
        dim = int(graph(torch.randn(1, rate_hz)).shape[1])
    facts = {
        "fingerprint": fingerprint, "name": name, "dim": str(dim), "sample_rate_hz": str(rate_hz),
        "min_samples": str(min_samples), "trained_on": json.dumps(list(trained_on)),
    }  # fmt: skip
    partial = out.with_name(f".{out.stem}.partial.onnx")
    try:
        _write(graph, partial, facts, rate_hz)
        worst = worst_cosine(classifier, partial, rate_hz, min_samples)
        if not worst >= NEEDED_COSINE:
            raise ExportParityError(worst, NEEDED_COSINE)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return ExportReport(out, name, fingerprint, dim, min_samples, out.stat().st_size, worst)


def _write(graph: WaveToEmbedding, path: Path, facts: dict[str, str], rate_hz: int) -> None:
    trace(graph, path, "embedding", rate_hz)
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, facts | {SEAL_KEY: UNSEALED})
    path.write_bytes(seal(model.SerializeToString()))


def trace(graph: nn.Module, path: Path, gives: str, rate_hz: int) -> None:
    """`wav (batch, samples)` to `gives`, by the tracing exporter: the newer one specializes the batch even here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (torch.randn(2, 2 * rate_hz),),
            str(path),
            input_names=["wav"],
            output_names=[gives],
            dynamic_axes={"wav": {0: "batch", 1: "samples"}, gives: {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )


def worst_cosine(classifier: Any, path: Path, rate_hz: int, min_samples: int) -> float:
    """Least cosine between the graph and `encode_batch` over several lengths and batch sizes."""
    encoder = OnnxEncoder.load(path)
    random = np.random.default_rng(0)
    worst = 1.0
    for seconds in CHECKED_S:
        for batch in CHECKED_BATCHES:
            waves = made_waves(batch, max(int(seconds * rate_hz), min_samples), random)
            with torch.inference_mode():
                expected = nn.functional.normalize(classifier.encode_batch(torch.from_numpy(waves))[:, 0].double())
            got = encoder.session.run(None, {"wav": waves})[0].astype(np.float64)
            if got.shape != tuple(expected.shape):
                return -1.0
            worst = min(worst, float((got * expected.numpy()).sum(axis=1).min()))
    return worst


def made_waves(batch: int, samples: int, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Harmonics with a moving pitch and some noise; the last row has digital silence in the middle."""
    time = np.arange(samples) / 16_000
    pitch = random.uniform(80, 250, (batch, 1)) * (1 + 0.1 * np.sin(2 * np.pi * 3 * time))
    phase = 2 * np.pi * np.cumsum(pitch, axis=1) / 16_000
    waves = sum(np.sin(k * phase) / k for k in range(1, 20)) * 0.1 + random.standard_normal((batch, samples)) * 0.003
    waves[-1, samples // 3 : samples // 2] = 0.0
    return np.asarray(waves, dtype=np.float32)


def _reach(model: nn.Module) -> int:
    """Frames that must follow the first one, for the widest reflecting padding."""
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv1d)]
    return max((m.kernel_size[0] - 1) // 2 * m.dilation[0] for m in convolutions)
