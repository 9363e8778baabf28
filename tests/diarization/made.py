"""A recording as `speakerid recording` would answer it, and evidence of made-up speakers."""

from __future__ import annotations

import numpy as np

from speakerid.diarization.clustering import Evidence, Floats
from speakerid.types import Candidate, FloatArray, RecordedVoice, Recording, SpeakerRef, Speech, Turn

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


def embeddings_of(truth: list[int], spread: float = 0.4, dim: int = 64, seed: int = 0) -> FloatArray:
    """A row for each segment of the people `truth`."""
    random = np.random.default_rng(seed)
    voices = np.linalg.qr(random.standard_normal((dim, dim)))[0]
    noise = random.standard_normal((len(truth), dim)) / np.sqrt(dim)
    rows = voices[truth] + spread * noise
    unit: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def evidence_of(
    truth: list[int], *, seconds: float = 2.0, speakers: list[int] | None = None, pause: float = 1.0
) -> Evidence:
    """One segment after another, `seconds` long each."""
    starts = (np.arange(len(truth)) * (seconds + pause)).astype(np.float64)
    numbers = None if speakers is None else np.array(speakers, np.intp)
    return Evidence(embeddings_of(truth), np.full(len(truth), seconds, np.float64), starts, starts + seconds, numbers)


def calibrated(cosines: Floats) -> Floats:
    """llr 4 for equal vectors, -4 for orthogonal ones."""
    return 8.0 * cosines - 4.0
