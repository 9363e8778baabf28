"""Reference and answer of one recording as who speaks when, and what pyannote.metrics says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speakerid.audio.limits import SAMPLE_RATE_HZ

COLLARS_S = (0.0, 0.25)  # on each side of every boundary of the reference
STRANGER = "a stranger"


@dataclass(frozen=True)
class ReferenceTurn:
    """In seconds."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True)
class DiarizationErrors:
    """Seconds of speech, where two speak at once counted twice."""

    total: float
    missed: float
    false_alarm: float
    confused: float

    @property
    def rate(self) -> float:
        return (self.missed + self.false_alarm + self.confused) / self.total if self.total else 0.0

    def __add__(self, other: DiarizationErrors) -> DiarizationErrors:
        return DiarizationErrors(
            self.total + other.total,
            self.missed + other.missed,
            self.false_alarm + other.false_alarm,
            self.confused + other.confused,
        )


NONE = DiarizationErrors(0.0, 0.0, 0.0, 0.0)


def diarization_errors(
    truth: Sequence[ReferenceTurn], answer: Sequence[ReferenceTurn], seconds: float, collar_s: float
) -> DiarizationErrors:
    """DER's parts: names do not matter, the best mapping of voices to speakers is taken; overlap counts."""
    from pyannote.metrics.diarization import DiarizationErrorRate

    return _errors(DiarizationErrorRate(collar=2 * collar_s), truth, answer, seconds)


def identification_errors(
    truth: Sequence[ReferenceTurn], answer: Sequence[ReferenceTurn], seconds: float
) -> DiarizationErrors:
    """IER's parts: names must be right; all who are not enrolled are to be called STRANGER."""
    from pyannote.metrics.identification import IdentificationErrorRate

    return _errors(IdentificationErrorRate(), truth, answer, seconds)


def read_rttm(file: Path) -> dict[str, list[ReferenceTurn]]:
    """By recording."""
    found: dict[str, list[ReferenceTurn]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if fields and fields[0] == "SPEAKER":
            start, length = float(fields[3]), float(fields[4])
            found.setdefault(fields[1], []).append(ReferenceTurn(start, start + length, fields[7]))
    return found


def in_seconds(spans: Iterable[tuple[tuple[int, int], str]]) -> list[ReferenceTurn]:
    return [ReferenceTurn(start / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ, who) for (start, end), who in spans]


def _errors(
    metric: Any, truth: Sequence[ReferenceTurn], answer: Sequence[ReferenceTurn], seconds: float
) -> DiarizationErrors:
    from pyannote.core import Segment, Timeline

    parts = metric(_annotation(truth), _annotation(answer), uem=Timeline([Segment(0.0, seconds)]), detailed=True)
    return DiarizationErrors(parts["total"], parts["missed detection"], parts["false alarm"], parts["confusion"])


def _annotation(said: Sequence[ReferenceTurn]) -> Any:
    from pyannote.core import Annotation, Segment

    made = Annotation()
    for nth, one in enumerate(said):
        made[Segment(one.start, one.end), nth] = one.speaker
    return made
