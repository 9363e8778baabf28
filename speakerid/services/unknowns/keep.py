"""Keep the voices of a finished recording that are nobody enrolled: each as one kept before, or as a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, HearingRow, RecordingRow, UnknownVoiceRow
from speakerid.db.repositories import unknowns
from speakerid.db.types import new_id
from speakerid.diarization.recurring import recurring
from speakerid.scoring.strangers import OwnStrangers
from speakerid.services import calibrations, scores
from speakerid.services.engine import Engine
from speakerid.services.unknowns import count
from speakerid.types import FloatArray, Speech

KEPT_SPEECH_S = 3.0  # of a voice in one recording; who says less is not worth a voiceprint (docs/decisions/0016)


@dataclass(frozen=True)
class Stranger:
    """A voice of a recording that is nobody enrolled; `embedding (dim,)`."""

    label: str
    turns: tuple[tuple[float, float], ...]  # start and end in seconds
    speech: Speech
    embedding: FloatArray


def keep(
    engine: Engine,
    db: Handle,
    gallery: GalleryRow,
    recording: RecordingRow,
    strangers: Sequence[Stranger],
    own: OwnStrangers | None,
) -> None:
    """In the transaction that saves the recording's answer, for a gallery that keeps unknown voices.

    `own`: how strangers score in the gallery. The gallery must be held: of two recordings that end at the same
    moment, the second one finds what the first kept.
    """
    long = [one for one in strangers if one.speech.seconds >= KEPT_SPEECH_S]
    kept = unknowns.comparable(db, gallery.key, engine.encoder.fingerprint)
    for stranger, place in zip(long, _places(engine, gallery, long, kept, own), strict=True):
        voice = _new(engine, db, gallery, recording, stranger) if place is None else kept[place]
        unknowns.add(db, _hearing(voice, recording, stranger))
        count.again(db, voice)


def _places(
    engine: Engine,
    gallery: GalleryRow,
    strangers: Sequence[Stranger],
    kept: Sequence[UnknownVoiceRow],
    own: OwnStrangers | None,
) -> list[int | None]:
    """Which of the `kept` each is: two people are joined with the chance at which a stranger is named."""
    if not kept or not strangers:
        return [None] * len(strangers)
    calibration = calibrations.used(engine, gallery)
    probes, voiceprints = np.stack([one.embedding for one in strangers]), np.stack([one.voiceprint for one in kept])
    llrs = calibration.compare(probes, voiceprints)
    threshold = scores.threshold(engine, gallery, calibration, len(kept), own)
    return recurring(llrs, np.full(llrs.shape, threshold.llr))


def _new(
    engine: Engine, db: Handle, gallery: GalleryRow, recording: RecordingRow, stranger: Stranger
) -> UnknownVoiceRow:
    row = UnknownVoiceRow(
        id=new_id("unk"),
        gallery_key=gallery.key,
        encoder_name=engine.encoder.name,
        encoder_fingerprint=engine.encoder.fingerprint,
        voiceprint=stranger.embedding,
        recordings=1,
        speech_s=stranger.speech.seconds,
        first_heard_at=recording.created_at,
        last_heard_at=recording.created_at,
    )
    unknowns.add(db, row)
    return row


def _hearing(voice: UnknownVoiceRow, recording: RecordingRow, stranger: Stranger) -> HearingRow:
    return HearingRow(
        voice_key=voice.key,
        recording_key=recording.key,
        label=stranger.label,
        turns=[list(turn) for turn in stranger.turns],
        speech_s=stranger.speech.seconds,
        snr_db=stranger.speech.snr_db,
        clipping_ratio=stranger.speech.clipping_ratio,
        bandwidth_hz=stranger.speech.bandwidth_hz,
        embedding=stranger.embedding,
    )
