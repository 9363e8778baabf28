"""What an evaluation gives: figures, everything needed to know what they are figures of, and the scores behind them."""

from __future__ import annotations

import platform
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

import speakerid
from speakerid.encoders.base import Encoder
from speakerid.evaluation.identification import Searches
from speakerid.evaluation.trials import TrialList, recognize
from speakerid.evaluation.verification import VerificationFigures
from speakerid.types import ClassifierDetails, to_json

LIBRARIES = ("numpy", "scipy", "scikit-learn", "onnxruntime", "torch", "speechbrain")


@dataclass(frozen=True)
class ListFacts:
    name: str
    sha256: str
    trials: int  # of a split: its files
    recognized: str | None = None  # the published list with as many trials

    @classmethod
    def of(cls, trials: TrialList) -> ListFacts:
        known = recognize(len(trials))
        return cls(trials.name, trials.sha256, len(trials), known.name if known else None)


@dataclass(frozen=True)
class EncoderFacts:
    name: str
    fingerprint: str
    trained_on: tuple[str, ...]

    @classmethod
    def of(cls, encoder: Encoder) -> EncoderFacts:
        return cls(encoder.name, encoder.fingerprint, encoder.trained_on)


@dataclass(frozen=True)
class WorkFacts:
    recordings: int
    embedded: int  # now; the others came from the cache
    audio_hours: float  # of what was embedded now
    embedding_s: float
    total_s: float
    workers: int

    @property
    def audio_hours_per_s(self) -> float | None:
        return self.audio_hours / self.embedding_s if self.embedded else None


@dataclass(frozen=True)
class Report:
    protocol: str
    figures: dict[str, Any]  # by protocol: dataclasses of numbers
    list: ListFacts
    scoring: str
    command: str
    started_at: str  # ISO 8601, UTC
    stamps: tuple[str, ...] = ()  # what a reader must know before quoting a figure
    encoder: EncoderFacts | None = None
    classifier: ClassifierDetails | None = None
    work: WorkFacts | None = None
    software: dict[str, str] = field(default_factory=lambda: software())

    def to_json(self) -> dict[str, Any]:
        """The figures of a verification stand at the top, those of other protocols under their names."""
        about: dict[str, Any] = {
            "protocol": self.protocol,
            "list": to_json(self.list),
            "encoder": to_json(self.encoder) if self.encoder else None,
            "classifier": to_json(self.classifier) if self.classifier else None,
            "scoring": self.scoring,
            "stamps": list(self.stamps),
            "work": to_json(self.work) | {"audio_hours_per_s": self.work.audio_hours_per_s} if self.work else None,
            "software": self.software,
            "command": self.command,
            "started_at": self.started_at,
        }
        named: dict[str, Any] = {}
        for name, one in self.figures.items():
            named |= to_json(one) if isinstance(one, VerificationFigures) else {name: to_json(one)}
        return named | about


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def software() -> dict[str, str]:
    """Versions of what took part, and of what is not installed none."""
    found = {"speakerid": speakerid.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@dataclass(frozen=True)
class ScoredTrials:
    trials: TrialList
    scores: NDArray[np.floating]  # (n,)
    speakers: NDArray[np.intp] | None  # of its names
    are_llrs: bool


@dataclass(frozen=True)
class Answer:
    """Whom one probe was taken for in an identification protocol."""

    protocol: str
    probe: str
    spoken: str
    taken_for: str


@dataclass(frozen=True)
class Evaluated:
    report: Report
    verification: ScoredTrials | None = None
    answers: tuple[Answer, ...] = ()
    open_set: Searches | None = None
