"""What is said of a voice in events. Who is called `unknown_2` once is never another unknown voice's name."""

from __future__ import annotations

from collections.abc import Sequence

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.services.live.early_decision import leading
from speakerid.services.live.live_speaker import LiveVoice
from speakerid.types import Decision, RecordedVoice, Span, SpeakerRef
from speakerid.types.live import Enough, LiveTurn, StreamVoice

UNHEARD = "Too little of this voice was heard."


class Answers:
    def __init__(self) -> None:
        self._unknown = 0

    def turn(self, number: int, span: Span, voice: LiveVoice, *, final: bool) -> LiveTurn:
        start, end = span
        llr, probability = _evidence(voice.judged) if _speaker(voice) else (None, None)
        return LiveTurn(
            turn=number,
            final=final,
            start=round(start / SAMPLE_RATE_HZ, 3),
            end=round(end / SAMPLE_RATE_HZ, 3),
            voice=self._called(voice, keep=final),
            speaker=_speaker(voice),
            decision=_decision(voice),
            llr=llr,
            probability=probability,
        )

    def enough(self, voice: LiveVoice, judged: RecordedVoice, at: float) -> Enough:
        llr, probability = _evidence(judged)
        return Enough(
            voice=self._called(voice, keep=True),
            speaker=judged.speaker,
            decision=judged.decision,
            llr=llr,
            probability=probability,
            threshold=judged.threshold,
            speech_seconds=round(voice.judged_s, 3),
            at=round(at, 3),
            reason=judged.reason,
        )

    def heard(self, voices: Sequence[LiveVoice]) -> tuple[StreamVoice, ...]:
        return tuple(self._heard(voice) for voice in voices)

    def _heard(self, voice: LiveVoice) -> StreamVoice:
        llr, probability = _evidence(voice.judged) if _speaker(voice) else (None, None)
        return StreamVoice(
            voice=self._called(voice, keep=True),
            speaker=_speaker(voice),
            decision=_decision(voice),
            llr=llr,
            probability=probability,
            speech_seconds=round(voice.seconds, 3),
            turns=tuple(voice.turns),
            reason=voice.judged.reason if voice.judged else UNHEARD,
        )

    def _called(self, voice: LiveVoice, *, keep: bool) -> str:
        if (speaker := _speaker(voice)) is not None:
            return speaker.id
        if voice.unknown is not None:
            return f"unknown_{voice.unknown}"
        if keep:
            self._unknown = voice.unknown = self._unknown + 1
        return f"unknown_{voice.unknown or self._unknown + 1}"


def _speaker(voice: LiveVoice) -> SpeakerRef | None:
    return voice.judged.speaker if voice.judged else None


def _decision(voice: LiveVoice) -> Decision:
    return voice.judged.decision if voice.judged else "not_enough_speech"


def _evidence(judged: RecordedVoice | None) -> tuple[float | None, float | None]:
    return leading(judged) if judged is not None and judged.candidates else (None, None)
