"""The kept unknown speakers of a gallery: list them, show one, dismiss one."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, UnknownVoiceRow
from speakerid.db.repositories import recordings, unknowns
from speakerid.db.repositories.unknowns import Occurrence
from speakerid.encoders.base import label_of
from speakerid.errors import VoiceNotFound, VoiceNotKept
from speakerid.errors.refusals import rounded_down
from speakerid.names import quoted
from speakerid.services import serializers, validation
from speakerid.services.recordings import results
from speakerid.services.unknowns.keep import KEPT_SPEECH_S
from speakerid.types import (
    Hearing,
    JobOptions,
    Page,
    RecordedVoice,
    SpeakerRef,
    UnknownVoice,
    UnknownVoiceDetails,
    UnknownVoiceTurn,
)

PAGE_LIMIT = 200


def page(
    db: Handle, gallery: GalleryRow, *, cursor: str | None = None, limit: int = 50, min_recordings: int = 1
) -> Page[UnknownVoice]:
    """Oldest first, of those found in `min_recordings` different ones. `next_cursor` is None on the last page.

    Raises InvalidRequest for another list's cursor.
    """
    limit = min(max(limit, 1), PAGE_LIMIT)
    rows = unknowns.page(
        db, gallery.key, after=validation.cursor(cursor, "unk"), limit=limit + 1, min_recordings=min_recordings
    )
    return serializers.page([_shaped(row) for row in rows], limit)


def _shaped(row: UnknownVoiceRow) -> UnknownVoice:
    return UnknownVoice(
        id=row.id,
        recordings=row.recordings,
        speech_seconds=round(row.speech_s, 2),
        first_heard_at=row.first_heard_at,
        last_heard_at=row.last_heard_at,
        encoder=label_of(row.encoder_name, row.encoder_fingerprint),
    )


def show(db: Handle, gallery: GalleryRow, unknown_id: str) -> UnknownVoiceDetails:
    """One, and where they speak. Raises UnknownVoiceNotFound."""
    row = unknowns.get(db, gallery.key, unknown_id)
    return UnknownVoiceDetails(_shaped(row), tuple(_hearing(one) for one in unknowns.hearings(db, row)))


def _hearing(found: Occurrence) -> Hearing:
    return Hearing(
        recording=found.recording.id,
        voice=found.row.label,
        speech_seconds=round(found.row.speech_s, 2),
        received_at=found.recording.created_at,
        turns=tuple(UnknownVoiceTurn(*turn) for turn in found.row.turns if len(turn) == 2),
    )


def dismiss(db: Handle, gallery: GalleryRow, unknown_id: str) -> None:
    """Erase one, with their embeddings and hearings. Nothing is left to know them by: found again, they are new.

    Raises UnknownVoiceNotFound.
    """
    db.delete(unknowns.get(db, gallery.key, unknown_id, lock=True))
    db.flush()


def of_recording(db: Handle, gallery: GalleryRow, recording_id: str, voice: str) -> str:
    """The id of the kept unknown voice that a recording's answer calls `voice`: `unknown_1`, say.

    Raises RecordingNotFound, RecordingNotReady, RecordingWithoutResult, VoiceNotFound, VoiceNotKept.
    """
    row = recordings.get(db, gallery.key, recording_id)
    hearings = unknowns.whose(db, row.key)
    kept = hearings.get(voice)
    if kept is not None and kept.unknown_id is not None:
        return kept.unknown_id
    if kept is not None and kept.speaker is not None:
        raise VoiceNotKept(voice, _named(kept.speaker))
    voices = {one.voice: one for one in results.timeline(db, gallery, recording_id).voices}
    if voice not in voices:
        raise VoiceNotFound(voice, list(voices))
    raise VoiceNotKept(voice, _why_not_kept(gallery, results.options(row), voices[voice], others=bool(hearings)))


def _why_not_kept(gallery: GalleryRow, options: JobOptions, voice: RecordedVoice, *, others: bool) -> str:
    """`others`: voices of the same recording are or were kept."""
    if voice.speaker is not None:
        return _named(voice.speaker)
    seconds = voice.speech.seconds
    if seconds < KEPT_SPEECH_S:
        return f"it spoke for {rounded_down(seconds)} s, and {KEPT_SPEECH_S:g} s are needed. Enroll from an audio file"
    if not options.names_anybody:
        return "only some speakers were to be named in the recording. Send it again without candidates and tags"
    if voice.decision not in ("unknown", "no_speakers"):
        return "it is not sure that it is a stranger's. Enroll from an audio file"
    if others:
        return "it was too much like an enrolled speaker's, or was forgotten since. Enroll from an audio file"
    if gallery.keep_unknown_voices:
        return (
            "the gallery kept no unknown voices then, or it was too much like an enrolled speaker's, or was forgotten "
            "since. Enroll from an audio file"
        )
    return (
        "the gallery keeps no unknown voices. Switch that on ('galleries set --keep-unknown-voices') and send the "
        "recording again, or enroll from an audio file"
    )


def _named(speaker: SpeakerRef) -> str:
    return f"it is the voice of {quoted(speaker.name)} there. Enroll from an audio file for more"
