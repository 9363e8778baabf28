"""A recording as `speakerid recording` would answer it."""

from __future__ import annotations

from speakerid.types import Candidate, RecordedVoice, Recording, SpeakerRef, Speech, Turn

ADA = SpeakerRef("spk_1", "Ada B.")


def voice(label: str, speaker: SpeakerRef | None) -> RecordedVoice:
    return RecordedVoice(
        voice=label,
        decision="accept" if speaker else "unknown",
        speaker=speaker,
        candidates=(Candidate(speaker, 0.7, 5.0, 0.99),) if speaker else (),
        margin=None,
        threshold=None,
        speech=Speech(3.0, None, 0.0, 8000),
        channel=None,
        reason="",
    )


def recording(*speakers: SpeakerRef | None, channel: int | None = None) -> Recording:
    """Each voice speaks once, 1.5 s from every second one on."""
    voices = [voice(one.id if one else f"unknown_{nth}", one) for nth, one in enumerate(speakers, 1)]
    turns = [
        Turn(
            start=2.0 * nth + 0.25,
            end=2.0 * nth + 1.75,
            voice=one.voice,
            speaker=one.speaker,
            channel=channel,
            llr=5.0 if one.speaker else None,
            probability=0.99 if one.speaker else None,
        )
        for nth, one in enumerate(voices)
    ]
    return Recording(
        seconds=3800.0,
        turns=tuple(turns),
        voices=tuple(voices),
        speech_seconds=3.0,
        prior=0.5,
        encoder="fake@1",
        calibration="default",
        reason="",
    )
