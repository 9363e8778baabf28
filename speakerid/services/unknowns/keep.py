"""Keep the unknown speakers of a finished recording: each as one kept before, or as a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, HearingRow, RecordingRow, UnknownVoiceRow
from speakerid.db.repositories import galleries, unknowns
from speakerid.db.repositories.unknowns import Occurrence
from speakerid.db.types import new_id, sound
from speakerid.diarization.naming import recurring
from speakerid.scoring.calibration import OwnStrangers
from speakerid.scoring.cosine import voiceprint
from speakerid.services.engine import Engine
from speakerid.services.judge import score
from speakerid.types import FloatArray, Speech

KEPT_SPEECH_S = 3.0  # of one speaker in one recording; less is not worth a voiceprint (docs/decisions/0016)


@dataclass(frozen=True)
class Stranger:
    """An unknown speaker of a recording; `embedding (dim,)`."""

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
    """In the transaction that saves the recording's answer, for a gallery that keeps unknown speakers.

    `own`: how strangers score in the gallery. The gallery must be held: of two recordings that end at the same
    moment, the second one finds what the first kept.
    """
    long = [one for one in strangers if one.speech.seconds >= KEPT_SPEECH_S]
    kept = unknowns.comparable(db, gallery.key, engine.encoder.fingerprint)
    for stranger, place in zip(long, _places(engine, gallery, long, kept, own), strict=True):
        unknown = _new(engine, db, gallery, recording, stranger) if place is None else kept[place]
        unknowns.add(db, _hearing(unknown, recording, stranger))
        recount(db, unknown)


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
    probes, voiceprints = np.stack([one.embedding for one in strangers]), np.stack([one.voiceprint for one in kept])
    scored = score(engine, gallery, probes, voiceprints, len(kept), own)
    return recurring(scored.llrs, np.full(scored.llrs.shape, scored.threshold.llr))


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


def _hearing(unknown: UnknownVoiceRow, recording: RecordingRow, stranger: Stranger) -> HearingRow:
    return HearingRow(
        voice_key=unknown.key,
        recording_key=recording.key,
        label=stranger.label,
        turns=[list(turn) for turn in stranger.turns],
        speech_s=stranger.speech.seconds,
        snr_db=stranger.speech.snr_db,
        clipping_ratio=stranger.speech.clipping_ratio,
        bandwidth_hz=stranger.speech.bandwidth_hz,
        embedding=stranger.embedding,
    )


def recount(db: Handle, unknown: UnknownVoiceRow) -> None:
    """What the hearings of an unknown speaker have in common, after one came or went; without any, they are gone."""
    db.flush()
    hearings = unknowns.hearings(db, unknown)
    if not hearings:
        db.delete(unknown)
    else:
        apart = different(hearings)
        known = sound((one.row.embedding for one in apart), lambda one: one)
        if known:
            unknown.voiceprint = voiceprint(np.stack([one for one in known if one is not None]))
        unknown.recordings = len(apart)
        unknown.speech_s = sum(one.row.speech_s for one in apart)
        unknown.first_heard_at = min(one.recording.created_at for one in hearings)
        unknown.last_heard_at = max(one.recording.created_at for one in hearings)
    db.flush()


def different(hearings: Sequence[Occurrence]) -> list[Occurrence]:
    """The longest hearing in each different recording: the same bytes sent twice are one recording."""
    longest: dict[str, Occurrence] = {}
    for one in hearings:
        if one.bytes not in longest or one.row.speech_s > longest[one.bytes].row.speech_s:
            longest[one.bytes] = one
    return list(longest.values())


def forget_like(engine: Engine, db: Handle, gallery: GalleryRow, voice: FloatArray, own: OwnStrangers | None) -> None:
    """Forget every kept unknown speaker whom `voice (dim,)`, a voiceprint of the gallery's, would be taken for.

    Those from before the gallery moved to another encoder go, too: no one can tell that they are not them.
    """
    unknowns.forget_others(db, gallery.key, gallery.encoder_fingerprint)
    kept = unknowns.comparable(db, gallery.key, engine.encoder.fingerprint)
    if not kept or gallery.encoder_fingerprint != engine.encoder.fingerprint:
        return
    scored = score(engine, gallery, voice[None, :], np.stack([one.voiceprint for one in kept]), len(kept), own)
    for unknown, llr in zip(kept, scored.llrs[0], strict=True):
        if llr >= scored.threshold.llr:
            db.delete(unknown)
    db.flush()


def forget(db: Handle, recording: RecordingRow) -> None:
    """Before a recording is erased: unknown speakers of other recordings too lose this hearing, the others go.

    Utterances that were made of it stay: they are their speakers' now.
    """
    galleries.hold(db, recording.gallery_key)  # `keep` touches the same rows in another order
    found = unknowns.of_recording(db, recording.key)
    unknowns.forget_hearings(db, recording.key)
    for unknown in found:
        recount(db, unknown)
