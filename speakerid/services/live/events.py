"""Events of a stream. Who is called `unknown_2` once shares that name with no other unknown speaker."""

from __future__ import annotations

from collections.abc import Sequence

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.diarization.online.clustering import LiveSpeaker
from speakerid.services.live.names import leading
from speakerid.types import Decision, RecordedVoice, Span, SpeakerRef
from speakerid.types.live import Enough, LiveTurn, StreamVoice

TOO_LITTLE = "Too little speech of this voice."


class EventMaker:
    def __init__(self) -> None:
        self._unknown = 0

    def turn(self, number: int, span: Span, speaker: LiveSpeaker, *, final: bool) -> LiveTurn:
        start, end = span
        llr, probability = _evidence(speaker.judged) if _named(speaker) else (None, None)
        return LiveTurn(
            turn=number,
            final=final,
            start=round(start / SAMPLE_RATE_HZ, 3),
            end=round(end / SAMPLE_RATE_HZ, 3),
            voice=self._called(speaker, keep=final),
            speaker=_named(speaker),
            decision=_decision(speaker),
            llr=llr,
            probability=probability,
        )

    def enough(self, speaker: LiveSpeaker, judged: RecordedVoice, at: float) -> Enough:
        llr, probability = _evidence(judged)
        return Enough(
            voice=self._called(speaker, keep=True),
            speaker=judged.speaker,
            decision=judged.decision,
            llr=llr,
            probability=probability,
            threshold=judged.threshold,
            speech_seconds=round(speaker.judged_s, 3),
            at=round(at, 3),
            reason=judged.reason,
        )

    def summary(self, speakers: Sequence[LiveSpeaker]) -> tuple[StreamVoice, ...]:
        return tuple(self._summary(one) for one in speakers)

    def _summary(self, speaker: LiveSpeaker) -> StreamVoice:
        llr, probability = _evidence(speaker.judged) if _named(speaker) else (None, None)
        return StreamVoice(
            voice=self._called(speaker, keep=True),
            speaker=_named(speaker),
            decision=_decision(speaker),
            llr=llr,
            probability=probability,
            speech_seconds=round(speaker.seconds, 3),
            turns=tuple(speaker.turns),
            reason=speaker.judged.reason if speaker.judged else TOO_LITTLE,
        )

    def _called(self, speaker: LiveSpeaker, *, keep: bool) -> str:
        if (named := _named(speaker)) is not None:
            return named.id
        if speaker.unknown is not None:
            return f"unknown_{speaker.unknown}"
        if keep:
            self._unknown = speaker.unknown = self._unknown + 1
        return f"unknown_{speaker.unknown or self._unknown + 1}"


def _named(speaker: LiveSpeaker) -> SpeakerRef | None:
    return speaker.judged.speaker if speaker.judged else None


def _decision(speaker: LiveSpeaker) -> Decision:
    return speaker.judged.decision if speaker.judged else "not_enough_speech"


def _evidence(judged: RecordedVoice | None) -> tuple[float | None, float | None]:
    return leading(judged) if judged is not None and judged.candidates else (None, None)
