"""Published classifiers of commands, languages and moods, loaded by SpeechBrain's own interfaces."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.classification.backbones import filled_up
from speakerid.classification.classifier import NO_LICENSE, as_probabilities
from speakerid.classification.heads import Wide
from speakerid.encoders.speechbrain_source import HYPERPARAMS, SpeechBrainSource, gives_cosines, one_text
from speakerid.errors import ClassifierCodeNotAllowed, ClassifierFailed, ClassifierNotFound, ClassifierUnreadable
from speakerid.types import ClassifierDetails, FloatArray

INTERFACE_FILE, INTERFACE_CLASS = "custom_interface.py", "CustomEncoderWav2vec2Classifier"
COSINE_SCALE = 30.0  # of the additive angular margin that SpeechBrain's recipes train classifiers by cosine with
LICENSE = "Apache-2.0"  # of all that follow
PUBLISHED = {  # what they were trained on
    "speechbrain/google_speech_command_xvector": "Google Speech Commands v0.02",
    "speechbrain/lang-id-voxlingua107-ecapa": "VoxLingua107",
    "speechbrain/lang-id-commonlanguage_ecapa": "CommonLanguage",
    "speechbrain/emotion-recognition-wav2vec2-IEMOCAP": "IEMOCAP",
}


@dataclass(frozen=True, eq=False)
class SpeechBrainClassifier:
    details: ClassifierDetails
    model: Any  # SpeechBrain's interface; it has no types
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def load(cls, where: str, *, run_code: bool = False, device: str = "cpu") -> Self:
        """`where` is a hub name or a directory.

        Raises ClassifierNotFound when the hub cannot be reached or files are missing, ClassifierUnreadable and
        ClassifierFailed when they make no classifier, ClassifierCodeNotAllowed for a model with an interface of its
        own, unless `run_code`.
        """
        source = SpeechBrainSource(where, ClassifierNotFound, ClassifierUnreadable)
        source.require(HYPERPARAMS)
        model, code = _load(source, device, run_code=run_code)
        origin = source.origin(PUBLISHED)
        details = ClassifierDetails(
            name=(origin or str(Path(where).resolve())).rpartition("/")[2],
            labels=_labels(where, model),
            backbone="speechbrain",
            fingerprint=_fingerprint(source.file(HYPERPARAMS), [*code, *_loaded(model)]),
            threshold=0.0,
            trained_on=PUBLISHED.get(origin or "", ""),
            license=LICENSE if origin else NO_LICENSE,
            figures={},
        )
        found = cls(details, model)
        found.probabilities(np.zeros(SAMPLE_RATE_HZ, np.float32))  # as many numbers as labels, or it says so now
        return found

    def probabilities(self, waveform: FloatArray) -> Wide:
        return as_probabilities(self.logits(filled_up(waveform)[np.newaxis]), self.details)

    def logits(self, batch: FloatArray) -> FloatArray:
        """`(batch, samples)` -> `(batch, labels)` whose softmax are the probabilities, or these.

        SpeechBrain calls all that a classifier may give `out_prob`: logarithms of probabilities (x-vector), cosines
        (ECAPA-TDNN) or probabilities (wav2vec2). Raises ClassifierFailed.
        """
        try:
            with self._lock, torch.inference_mode():  # modules may keep state between calls
                found: FloatArray = self.model.classify_batch(torch.from_numpy(batch))[0].float().cpu().numpy()
        except Exception as error:  # whatever the model runs into
            raise ClassifierFailed(f"{self.details.name} failed ({type(error).__name__}: {error}).") from error
        return scale_of(self.model) * found.reshape(len(batch), -1)


def scale_of(model: Any) -> float:
    """What makes logits of what `model` gives."""
    return COSINE_SCALE if gives_cosines(model) else 1.0


def _load(source: SpeechBrainSource, device: str, *, run_code: bool) -> tuple[Any, list[Path]]:
    """The model, and the code that it brought."""
    if _fits_encoder_classifier(source.file(HYPERPARAMS)):
        return source.load(device=device), []
    if not run_code:
        raise ClassifierCodeNotAllowed(source.where, INTERFACE_FILE)
    source.require(INTERFACE_FILE)
    model = source.load_foreign(INTERFACE_FILE, INTERFACE_CLASS, device=device)
    return model, [source.file(INTERFACE_FILE)]


def _fits_encoder_classifier(hyperparams: Path) -> bool:
    text = hyperparams.read_text("utf-8")
    return all(re.search(rf"(?m)^{name}:", text) for name in ("compute_features", "embedding_model", "classifier"))


def _labels(where: str, model: Any) -> tuple[str, ...]:
    """In the order of what the model gives. Raises ClassifierUnreadable."""
    rate_hz = int(getattr(model.hparams, "sample_rate", SAMPLE_RATE_HZ))
    if rate_hz != SAMPLE_RATE_HZ:
        raise ClassifierUnreadable(f"{where} hears {rate_hz} Hz. Give a model of {SAMPLE_RATE_HZ} Hz.")
    encoder: Any = getattr(model.hparams, "label_encoder", None)
    names = dict(getattr(encoder, "ind2lab", {}))
    if len(names) < 2 or set(names) != set(range(len(names))):
        raise ClassifierUnreadable(f"{where} has no names of labels (label_encoder): it is no classifier.")
    encoder.expect_len(len(names))  # otherwise it warns at every start
    return tuple(str(names[place]) for place in range(len(names)))


def _loaded(model: Any) -> list[Path]:
    """The files behind the model's parts, in the order of their names."""
    paths = model.hparams.pretrainer.paths
    return [Path(paths[name]) for name in sorted(paths)]


def _fingerprint(hyperparams: Path, files: Iterable[Path]) -> str:
    """SHA-256 (hex) of the YAML file and all `files`."""
    digest = hashlib.sha256(one_text(hyperparams))
    for path in files:
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()
