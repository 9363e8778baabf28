"""Reference and answer of one recording as who speaks when, and what DER and IER are between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.metrics import der
from speakerid.metrics.der import DiarizationErrors, SpeakerTurn

COLLARS_S = (0.0, 0.25)  # on each side of every boundary of the reference
STRANGER = "a stranger"
NONE = DiarizationErrors()
ReferenceTurn = SpeakerTurn


def diarization_errors(
    truth: Sequence[ReferenceTurn], answer: Sequence[ReferenceTurn], seconds: float, collar_s: float
) -> DiarizationErrors:
    """DER's parts of a recording of so many seconds."""
    return der.diarization_errors(truth, answer, [(0.0, seconds)], collar_s)


def identification_errors(
    truth: Sequence[ReferenceTurn], answer: Sequence[ReferenceTurn], seconds: float
) -> DiarizationErrors:
    """IER's parts: all who are not enrolled are to be called STRANGER."""
    return der.identification_errors(truth, answer, [(0.0, seconds)], 0.0)


def in_seconds(spans: Iterable[tuple[tuple[int, int], str]]) -> list[ReferenceTurn]:
    return [ReferenceTurn(start / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ, who) for (start, end), who in spans]
