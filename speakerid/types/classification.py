"""Which word, which language, which mood: labels for a recording, and the models that give them."""

from __future__ import annotations

from dataclasses import dataclass

from speakerid.types.common import AudioWarning


@dataclass(frozen=True)
class LabelScore:
    """The pair of the audio classification contract: a label and its probability."""

    label: str
    score: float


@dataclass(frozen=True)
class Classification:
    """One classifier's answer to one recording."""

    classifier: str
    label: str | None  # the best; None where it does not reach the classifier's threshold
    threshold: float
    scores: tuple[LabelScore, ...]  # best first
    seconds: float  # of audio
    warnings: tuple[AudioWarning, ...] = ()
    lost_seconds: float = 0.0


@dataclass(frozen=True)
class ClassifierDetails:
    """The card of a classifier."""

    name: str
    labels: tuple[str, ...]
    backbone: str
    fingerprint: str
    threshold: float
    trained_on: str
    license: str
    figures: dict[str, float]  # measured with speakers held out; empty where that is not known
    spotting_threshold: float | None = None  # what a word must reach in a stream; None: `threshold`
    window_s: float | None = None  # of the recordings it was trained on: what a stream is asked by; None: not known
