"""A classifier written as an ONNX graph with a card, so that serving it needs no torch; kept only if it agrees."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.classification.classifier import (
    CARD,
    GRAPH,
    GRAPH_CARD,
    HEAD,
    Classifier,
    OnnxClassifier,
    TrainedClassifier,
)
from speakerid.classification.heads import Head, Wide, softmax
from speakerid.classification.training_digests import write_digests
from speakerid.encoders.speechbrain import SpeechBrainEncoder
from speakerid.training.errors import ClassifierExportDiffers, ExportUnsupported
from speakerid.training.export_onnx import made_waves, trace
from speakerid.training.graph import WaveToEmbedding
from speakerid.training.model_directory import publish
from speakerid.training.work_folder import disk_errors
from speakerid.types import FloatArray

ALLOWED_DIFFERENCE = 1e-3  # of a probability
ASKED = 5  # times: SpeechBrain adds noise to pooled means, so its own answers to one wave differ by up to 2e-3
CHECKED_S = (0.3, 0.5, 1.0, 3.0)
VOICES = 3


class WaveToLabels(nn.Module):
    """`(batch, samples)` float32 to `(batch, labels)`, whose softmax are the head's probabilities."""

    weights: Tensor
    bias: Tensor

    def __init__(self, embedding: WaveToEmbedding, head: Head) -> None:
        super().__init__()
        self.embedding = embedding
        weights = head.weights.astype(np.float64) / head.scale / head.temperature
        bias = head.bias / head.temperature - weights @ head.center
        self.register_buffer("weights", torch.from_numpy(weights).float())
        self.register_buffer("bias", torch.from_numpy(bias).float())

    def forward(self, wav: Tensor) -> Tensor:
        return nn.functional.linear(self.embedding(wav), self.weights, self.bias)


def save_as_graph(trained: TrainedClassifier, encoder: SpeechBrainEncoder, made_of: str, folder: Path) -> float:
    """Write `trained`, whose backbone is `encoder`, to `folder`; what was there is replaced.

    Gives the largest difference of a probability. Raises ExportUnsupported, ClassifierExportDiffers,
    CheckpointWriteFailed.
    """
    modules, card = encoder.classifier.mods, trained.card
    embedding = WaveToEmbedding(modules.compute_features, modules.mean_var_norm, modules.embedding_model)
    facts = {
        "name": card.name,
        "labels": trained.head.labels,
        "front_end": "waveform",
        "threshold": trained.head.threshold,
        "backbone": card.backbone,
        "trained_on": card.trained_on,
        "license": card.license,
        "figures": card.figures,
        "window_s": card.window_s,
        "spotting_threshold": card.spotting_threshold,
        "made_of": made_of,
        "made_of_fingerprint": card.backbone_fingerprint,
    }
    worst = keep_graph(WaveToLabels(embedding, trained.head), facts, trained, made_of, folder)
    write_digests(folder, trained.digests)
    for name in (HEAD, CARD):  # from here on the graph is what answers
        (folder / name).unlink(missing_ok=True)
    return worst


def keep_graph(
    graph: nn.Module, card: Mapping[str, object], classifier: Classifier, made_of: str, folder: Path
) -> float:
    """Write `graph` with `card` to `folder` if its answers are those of `classifier`: the largest difference.

    Raises as `save_as_graph`.
    """
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=".", ignore_cleanup_errors=True) as temporary:
            made = Path(temporary) / "made"
            made.mkdir()
            _write(graph, card, made_of, made)
            worst = worst_difference(classifier, OnnxClassifier.load(made / GRAPH))
            if not worst <= ALLOWED_DIFFERENCE:
                raise ClassifierExportDiffers(made_of, worst, ALLOWED_DIFFERENCE)
            publish(made, folder)
    return worst


def _write(graph: nn.Module, card: Mapping[str, object], made_of: str, made: Path) -> None:
    try:
        trace(copy.deepcopy(graph).cpu().eval(), made / GRAPH, "logits", SAMPLE_RATE_HZ)
    except Exception as error:  # whatever tracing the model's own layers runs into
        raise ExportUnsupported(f"No graph can be made of {made_of} ({error}). Use it as it is.") from error
    text = json.dumps(dict(card), indent=2, ensure_ascii=False) + "\n"
    (made / GRAPH_CARD).write_text(text, encoding="utf-8")


def worst_difference(theirs: Classifier, ours: Classifier) -> float:
    """Also of what is seen of the other labels where one is certain."""
    random = np.random.default_rng(0)
    waves = [one for s in CHECKED_S for one in made_waves(VOICES, round(s * SAMPLE_RATE_HZ), random)]
    pairs = [(_mean_answer(theirs, one), ours.probabilities(one)) for one in waves]
    return max(float(np.abs(view(one) - view(other)).max()) for one, other in pairs for view in (np.asarray, _softened))


def _mean_answer(classifier: Classifier, wave: FloatArray) -> Wide:
    first, second = (classifier.probabilities(wave) for _ in range(2))
    if np.array_equal(first, second):
        return first
    found: Wide = np.mean([first, second, *(classifier.probabilities(wave) for _ in range(ASKED - 2))], axis=0)
    return found


def _softened(probabilities: Wide) -> Wide:
    """Probabilities of logits that are brought to a standard deviation of 1."""
    logits = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    return softmax(logits / max(float(logits.std()), 1e-6))
