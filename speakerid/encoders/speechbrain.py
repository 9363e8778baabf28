"""SpeechBrain speaker models, loaded by SpeechBrain's own loader: the reference, training and GPU path.

`from_hparams` can run any code that the model's YAML file names: load only what the operator chose.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from speakerid.encoders.base import embed_with
from speakerid.encoders.card import Card, read_card
from speakerid.encoders.speechbrain_import import ensure_torchaudio, forget_redirects
from speakerid.errors import EncoderFailed, EncoderNotFound
from speakerid.types import FloatArray

ensure_torchaudio()  # SpeechBrain imports torchaudio, so what follows cannot stand at the top (E402)

from speechbrain.inference.classifiers import EncoderClassifier  # noqa: E402  # after the stand-in
from speechbrain.utils.fetching import fetch  # noqa: E402  # after the stand-in

forget_redirects()

HYPERPARAMS = "hyperparams.yaml"
WEIGHTS = "embedding_model.ckpt"
CARD = "card.json"  # optional: name, trained_on
MIN_S = 0.1  # 11 frames; ECAPA-TDNN raises below 5

VOXCELEB = ("VoxCeleb1-dev", "VoxCeleb2")
PUBLISHED = {
    "speechbrain/spkrec-ecapa-voxceleb": VOXCELEB,
    "speechbrain/spkrec-xvect-voxceleb": VOXCELEB,
}


@dataclass(frozen=True, eq=False)
class SpeechBrainEncoder:
    name: str
    fingerprint: str
    dim: int
    sample_rate_hz: int
    min_samples: int
    trained_on: tuple[str, ...]
    classifier: Any  # EncoderClassifier; SpeechBrain has no types
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def load(cls, source: str, *, device: str = "cpu") -> Self:
        """Load a hub name (`org/model`, kept in the hub's own cache) or a local directory onto `device`.

        Raises `EncoderNotFound` when the hub cannot be reached or files are missing, `EncoderFailed` when SpeechBrain
        cannot build the model from them.
        """
        classifier = _load_classifier(source, device)
        hyperparams, weights = (Path(fetch(name, source)) for name in (HYPERPARAMS, WEIGHTS))
        sample_rate_hz = int(getattr(classifier.hparams, "sample_rate", 16_000))
        card = _card(Path(source))
        return cls(
            name=card.name or Path(source).resolve().name,
            fingerprint=fingerprint(hyperparams, weights),
            dim=_dim(classifier, sample_rate_hz),
            sample_rate_hz=sample_rate_hz,
            min_samples=round(MIN_S * sample_rate_hz),
            trained_on=card.trained_on or _published(source, hyperparams),
            classifier=classifier,
        )

    def embed(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        with self._lock:  # modules may keep state between calls
            return embed_with(self, lambda batch: _run(self.classifier, batch), waveforms)


def fingerprint(hyperparams: Path, weights: Path) -> str:
    """SHA-256 (hex) of the YAML file, line ends as \\n, followed by the weights; the ONNX export writes the same."""
    text = hyperparams.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return hashlib.sha256(text + weights.read_bytes()).hexdigest()


def _load_classifier(source: str, device: str) -> Any:
    """SpeechBrain's model. Without a savedir it leaves files where they are: nothing goes to the working directory."""
    directory = Path(source)
    if directory.is_dir():
        _require_files(directory)
    try:
        overrides = _stay_local(directory)
        return EncoderClassifier.from_hparams(source=source, overrides=overrides, run_opts={"device": device})
    except OSError as error:  # a missing file, or the hub's own errors, which are OSErrors
        raise EncoderNotFound(_cannot_find(source, error)) from error
    except Exception as error:  # whatever the model's YAML runs into
        raise EncoderFailed(f"SpeechBrain cannot build a model from {source}: {error}") from error


def _require_files(directory: Path) -> None:
    missing = [name for name in (HYPERPARAMS, WEIGHTS) if not (directory / name).is_file()]
    if missing:
        raise EncoderNotFound(f"{directory} is not a SpeechBrain model: {' and '.join(missing)} not found in it.")


def _stay_local(directory: Path) -> dict[str, str]:
    """Overrides with which a local copy loads from itself: published YAML files name the hub as `pretrained_path`.

    https://github.com/speechbrain/speechbrain/issues/2817
    """
    hyperparams = directory / HYPERPARAMS
    if not hyperparams.is_file() or not re.search(r"(?m)^pretrained_path:", hyperparams.read_text("utf-8")):
        return {}
    return {"pretrained_path": str(directory.resolve())}


def _cannot_find(source: str, error: OSError) -> str:
    if Path(source).is_dir():
        return f"A file that {source}/{HYPERPARAMS} names is missing: {error.filename or error}."
    return (
        f"{source} is no directory, and the model hub does not give it ({type(error).__name__}). Check the name and "
        "the network, or download the model and give its directory."
    )


def _card(directory: Path) -> Card:
    path = directory / CARD
    return read_card(path) if path.is_file() else Card()


def _published(source: str, hyperparams: Path) -> tuple[str, ...]:
    """Training sets of a published model, also of a local copy, whose YAML still names its origin."""
    text = hyperparams.read_text("utf-8")
    return next((sets for name, sets in PUBLISHED.items() if name == source or name in text), ())


def _dim(classifier: Any, sample_rate_hz: int) -> int:
    noise = np.random.default_rng(0).standard_normal((1, sample_rate_hz)).astype(np.float32)
    return int(_run(classifier, noise).shape[1])


def _run(classifier: Any, batch: FloatArray) -> FloatArray:
    """(batch, samples) -> (batch, dim)"""
    with torch.inference_mode():
        rows = classifier.encode_batch(torch.from_numpy(batch))
    embeddings: FloatArray = rows.squeeze(1).float().cpu().numpy()
    return embeddings
