"""Diarization and identification error rates, as pyannote.metrics counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from speakerid.evaluation.rttm.read import RttmTurn

Stretches = Sequence[tuple[float, float]]  # start and end in seconds


@dataclass(frozen=True)
class RecordingErrors:
    """Percent of `speech_s`, the reference's seconds of speech; where two speak at once they count twice.

    None where nobody speaks in the reference, so that there is nothing to be a share of.
    """

    recording: str
    speech_s: float
    der: float | None
    missed: float | None
    false_alarm: float | None
    confusion: float | None
    ier: float | None  # DER without mapping of names; None too when reference and hypothesis share no name


class Meter:
    """Adds up over recordings. The `collar_s` on each side of every boundary of the reference does not count."""

    def __init__(self, collar_s: float, *, names: bool) -> None:
        from pyannote.metrics.diarization import DiarizationErrorRate
        from pyannote.metrics.identification import IdentificationErrorRate

        both_sides_s = 2 * collar_s  # pyannote's collar is centered on the boundary, md-eval's is on each side of it
        self._der: Any = DiarizationErrorRate(collar=both_sides_s)
        self._ier: Any = IdentificationErrorRate(collar=both_sides_s) if names else None

    def measure(
        self, recording: str, reference: Sequence[RttmTurn], hypothesis: Sequence[RttmTurn], counted: Stretches
    ) -> RecordingErrors:
        sides, uem = (_annotation(reference), _annotation(hypothesis)), _timeline(counted)
        parts = self._der(*sides, uem=uem, detailed=True)
        named = None if self._ier is None else self._ier(*sides, uem=uem, detailed=True)
        return _errors(recording, parts, named)

    def total(self) -> RecordingErrors:
        return _errors("in all", self._der[:], None if self._ier is None else self._ier[:])


def _errors(recording: str, der: dict[str, float], ier: dict[str, float] | None) -> RecordingErrors:
    speech_s = der["total"]

    def percent(parts: dict[str, float] | None, *names: str) -> float | None:
        return 100.0 * sum(parts[name] for name in names) / speech_s if parts and speech_s else None

    wrong = ("missed detection", "false alarm", "confusion")
    return RecordingErrors(
        recording=recording,
        speech_s=speech_s,
        der=percent(der, *wrong),
        missed=percent(der, "missed detection"),
        false_alarm=percent(der, "false alarm"),
        confusion=percent(der, "confusion"),
        ier=percent(ier, *wrong),
    )


def _annotation(turns: Sequence[RttmTurn]) -> Any:
    from pyannote.core import Annotation, Segment

    made = Annotation()
    for track, turn in enumerate(turns):
        made[Segment(turn.start, turn.end), track] = turn.speaker
    return made


def _timeline(stretches: Stretches) -> Any:
    from pyannote.core import Segment, Timeline

    return Timeline([Segment(start, end) for start, end in stretches]).support()
