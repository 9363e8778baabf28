"""Diarization and identification error rates, as pyannote.metrics counts them (extra `evaluate`).

Where two speak at once, both count. Rates add up over recordings in seconds, not as rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Stretch = tuple[float, float]  # start and end in seconds


class SpeakerTurn(NamedTuple):
    """Who speaks from `start` to `end`, in seconds."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True)
class DiarizationErrors:
    """Seconds of speech of the reference, and of each kind of error; where two speak at once they count twice."""

    total: float = 0.0
    missed: float = 0.0
    false_alarm: float = 0.0
    confused: float = 0.0

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


def diarization_errors(
    reference: Sequence[SpeakerTurn], hypothesis: Sequence[SpeakerTurn], counted: Iterable[Stretch], collar_s: float
) -> DiarizationErrors:
    """DER's parts in the stretches `counted`, under the best mapping of the hypothesis' speakers to the reference's.

    The `collar_s` on each side of every boundary of the reference does not count.
    """
    from pyannote.metrics.diarization import DiarizationErrorRate

    return _errors(DiarizationErrorRate, reference, hypothesis, counted, collar_s)


def identification_errors(
    reference: Sequence[SpeakerTurn], hypothesis: Sequence[SpeakerTurn], counted: Iterable[Stretch], collar_s: float
) -> DiarizationErrors:
    """IER's parts: the same without a mapping, names must be right."""
    from pyannote.metrics.identification import IdentificationErrorRate

    return _errors(IdentificationErrorRate, reference, hypothesis, counted, collar_s)


def _errors(
    metric: Any,
    reference: Sequence[SpeakerTurn],
    hypothesis: Sequence[SpeakerTurn],
    counted: Iterable[Stretch],
    collar_s: float,
) -> DiarizationErrors:
    from pyannote.core import Segment, Timeline

    uem = Timeline([Segment(start, end) for start, end in counted]).support()
    sides = _annotation(reference), _annotation(hypothesis)
    # pyannote's collar is centered on the boundary, md-eval's is on each side of it
    parts = metric(collar=2 * collar_s)(*sides, uem=uem, detailed=True)
    return DiarizationErrors(parts["total"], parts["missed detection"], parts["false alarm"], parts["confusion"])


def _annotation(turns: Sequence[SpeakerTurn]) -> Any:
    from pyannote.core import Annotation, Segment

    made = Annotation()
    for track, turn in enumerate(turns):
        made[Segment(turn.start, turn.end), track] = turn.speaker
    return made
