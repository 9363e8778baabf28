"""A SpeechBrain classifier as an ONNX graph with a card, so that serving it needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from speakerid.classification.classifier import GRAPH, HEAD, OnnxClassifier
from speakerid.classification.speechbrain import SpeechBrainClassifier, scale_of
from speakerid.errors import ClassifierNameUnusable, ClassifierUnreadable
from speakerid.training.classifier_graph import keep_graph
from speakerid.training.errors import ExportUnsupported
from speakerid.training.graph import WaveToLogits, WaveToVector


@dataclass(frozen=True)
class ImportReport:
    path: Path  # of the graph
    name: str
    labels: tuple[str, ...]
    fingerprint: str
    size_bytes: int
    worst_difference: float  # of a probability, from SpeechBrain's


def import_classifier(name: str, spec: str, folder: Path, *, run_code: bool = False) -> ImportReport:
    """Make `name` in `folder` of the hub name or directory `spec`; what had the name before is replaced.

    Raises ClassifierNameUnusable, what SpeechBrainClassifier.load raises, ExportUnsupported for models that no graph
    can be made of, ClassifierExportDiffers, CheckpointWriteFailed.
    """
    _refuse(name, folder)
    classifier = SpeechBrainClassifier.load(spec, run_code=run_code)
    details = classifier.details
    card = {
        "name": name,
        "labels": details.labels,
        "front_end": "waveform",
        "trained_on": details.trained_on,
        "license": details.license,
        "made_of": spec,
        "made_of_fingerprint": details.fingerprint,
    }
    worst = keep_graph(_graph(classifier, spec), card, classifier, spec, folder / name)
    path = folder / name / GRAPH
    details = OnnxClassifier.load(path).details
    return ImportReport(path, name, details.labels, details.fingerprint, path.stat().st_size, worst)


def _refuse(name: str, folder: Path) -> None:
    if not name or name.startswith(".") or Path(name).name != name:
        raise ClassifierNameUnusable(f"{name!r} cannot be a classifier's name. Give a plain name, without folders.")
    if (folder / name / HEAD).is_file() or _figures_of(folder / name / GRAPH):
        raise ClassifierNameUnusable(f"A classifier that was trained here has the name {name!r}. Give another one.")


def _figures_of(graph: Path) -> dict[str, float]:
    """Only what was trained here has some."""
    try:
        return OnnxClassifier.load(graph).details.figures
    except ClassifierUnreadable:  # or there is none
        return {}


def _graph(classifier: SpeechBrainClassifier, spec: str) -> WaveToLogits:
    modules = classifier.model.mods
    if not all(one in modules for one in ("compute_features", "mean_var_norm", "embedding_model", "classifier")):
        raise ExportUnsupported(f"{spec} has an interface of its own, of which no graph can be made. Use it as it is.")
    vector = WaveToVector(modules.compute_features, modules.mean_var_norm, modules.embedding_model)
    return WaveToLogits(vector, modules.classifier, scale_of(classifier.model))
