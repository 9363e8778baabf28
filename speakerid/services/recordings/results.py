"""Recordings as rows, and as the world sees them: jobs and their results, with the names that speakers have today."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, cast

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import recordings, repairs, speakers, unknowns
from speakerid.db.repositories.unknowns import Whose
from speakerid.errors import DataDamaged, RecordingNotReady, RecordingWithoutResult
from speakerid.services import serializers, validation
from speakerid.types import (
    JobError,
    JobOptions,
    JobStage,
    JobState,
    Page,
    RecordedVoice,
    Recording,
    RecordingJob,
    RecordingResult,
    SpeakerRef,
    Turn,
    from_json,
    to_json,
)

PAGE_LIMIT = 200
Known = Mapping[str, SpeakerRef]  # who each id of the answer is today; those who were erased are missing
GONE = "The speaker of this voice can be named no more."
UNKNOWN = "unknown_"
PROMOTED = "Unknown then. The speaker was enrolled from this recording later."


def job(db: Handle, gallery: GalleryRow, recording_id: str) -> RecordingJob:
    """How far it is. Raises RecordingNotFound."""
    return shaped(recordings.get(db, gallery.key, recording_id))


def result(db: Handle, gallery: GalleryRow, recording_id: str) -> RecordingResult:
    """The job and, when it is done, what came out. Raises RecordingNotFound."""
    row = recordings.get(db, gallery.key, recording_id, answer=True)
    return RecordingResult(**_fields(row), result=_current(db, gallery, row))


def timeline(db: Handle, gallery: GalleryRow, recording_id: str) -> Recording:
    """What came out. Raises RecordingNotFound, RecordingNotReady, RecordingWithoutResult."""
    row = recordings.get(db, gallery.key, recording_id, answer=True)
    if row.state in ("queued", "running"):
        raise RecordingNotReady(row.state, 100.0 * row.progress)
    found = _current(db, gallery, row)
    if found is None:
        raise RecordingWithoutResult(row.state, row.error_detail)
    return found


def page(db: Handle, gallery: GalleryRow, *, cursor: str | None = None, limit: int = 50) -> Page[RecordingJob]:
    """Newest first. `next_cursor` is None on the last page. Raises InvalidRequest for another list's cursor."""
    limit = min(max(limit, 1), PAGE_LIMIT)
    rows = recordings.page(db, gallery.key, before=validation.cursor(cursor, "rec"), limit=limit + 1)
    return serializers.page([shaped(row) for row in rows], limit)


def _current(db: Handle, gallery: GalleryRow, row: RecordingRow) -> Recording | None:
    """With the names of today."""
    if row.answer is None:
        return None
    recording = loaded(row.answer)
    found = renamed(recording, today(db, gallery.key, speaker_ids(recording)))
    return replace(_with_unknowns(db, row, found), id=row.id)


def shaped(row: RecordingRow) -> RecordingJob:
    """The row as the answer of the API."""
    return RecordingJob(**_fields(row))


def options(row: RecordingRow) -> JobOptions:
    """Raises DataDamaged."""
    try:
        return from_json(JobOptions, row.options)
    except ValueError:
        raise DataDamaged(f"recording {row.id}") from None


def without(values: dict[str, Any], gone: Collection[str], known: Mapping[str, SpeakerRef]) -> dict[str, Any]:
    """Stored options without the ids of `gone`, unless as the speaker who they became."""
    asked = values.get("candidates")
    if asked is None:
        return values
    staying = {known[one].id if one in known else one for one in asked if one in known or one not in gone}
    return values | {"candidates": sorted(staying)}


def _fields(row: RecordingRow) -> dict[str, Any]:
    try:
        asked = options(row)
    except DataDamaged:  # the recording ends as one that cannot be read either
        asked = JobOptions()
    return {
        "id": row.id,
        "name": row.name,
        "state": cast(JobState, row.state),
        "stage": cast(JobStage | None, row.stage) if row.state == "running" else None,
        "progress": 100.0 if row.state == "done" else round(100.0 * row.progress, 1),
        "cancelling": row.cancelling and row.state == "running",
        "options": asked,
        "error": JobError(row.error_code, row.error_detail or "") if row.error_code else None,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
    }


def stored(recording: Recording) -> dict[str, Any]:
    """JSON values without a name."""
    nameless = {one: SpeakerRef(one, "") for one in speaker_ids(recording)}
    values: dict[str, Any] = to_json(renamed(recording, nameless))
    return values


def loaded(values: dict[str, Any]) -> Recording:
    """As it was stored: every name is empty. Raises DataDamaged."""
    try:
        return from_json(Recording, values)
    except ValueError:
        raise DataDamaged("the result of this recording") from None


def speaker_ids(recording: Recording) -> set[str]:
    """Of all speakers and candidates in it."""
    named = {voice.speaker.id for voice in recording.voices if voice.speaker}
    return named | {one.speaker.id for voice in recording.voices for one in voice.candidates}


def renamed(recording: Recording, known: Known) -> Recording:
    """Speakers as `known` has them; those it does not have become unknown, numbered behind the others."""
    numbers = count(1 + max((_number(voice.voice) for voice in recording.voices), default=0))
    labels = {voice.voice: _label(voice, known, numbers) for voice in recording.voices}
    return replace(
        recording,
        voices=tuple(_voice(voice, labels[voice.voice], known) for voice in recording.voices),
        turns=tuple(_turn(turn, labels[turn.voice], known) for turn in recording.turns),
    )


def _label(voice: RecordedVoice, known: Known, numbers: count[int]) -> str:
    if voice.speaker is None:
        return voice.voice
    now = known.get(voice.speaker.id)
    return now.id if now else f"{UNKNOWN}{next(numbers)}"


def _voice(voice: RecordedVoice, label: str, known: Known) -> RecordedVoice:
    candidates = tuple(
        replace(one, speaker=known[one.speaker.id]) for one in voice.candidates if one.speaker.id in known
    )
    voice = replace(voice, voice=label, candidates=candidates)
    if voice.speaker is None:
        return voice
    now = known.get(voice.speaker.id)
    return replace(voice, speaker=now) if now else replace(voice, speaker=None, decision="unknown", reason=GONE)


def _turn(turn: Turn, label: str, known: Known) -> Turn:
    now = known.get(turn.speaker.id) if turn.speaker else None
    found = replace(turn, voice=label, speaker=now)
    return found if now else replace(found, llr=None, probability=None)


def _number(label: str) -> int:
    number = label.removeprefix(UNKNOWN)
    return int(number) if number.isdecimal() else 0


def today(db: Handle, gallery_key: int, speaker_ids: Collection[str]) -> dict[str, SpeakerRef]:
    """Who the speakers of these ids are now, with the names they have: merged ones are who they were merged into.

    Those who were erased are missing, and who may not be recognized any more.
    """
    became = {one: one for one in speaker_ids}
    fresh = set(speaker_ids)
    while fresh:
        merges = {row.speaker_id: row.into_id for row in repairs.merges_of(db, gallery_key, fresh)}
        moved = {one: into for one, at in became.items() if (into := merges.get(at))}
        became |= moved
        fresh = set(moved.values())
    names = speakers.names(db, gallery_key, set(became.values()), recognized=True)
    return {one: SpeakerRef(at, names[at]) for one, at in became.items() if at in names}


def _with_unknowns(db: Handle, row: RecordingRow, answer: Recording) -> Recording:
    """The same, with the ids of kept unknown speakers, and the names of those who were promoted since."""
    whose = unknowns.whose(db, row.key)
    labels = _promoted_labels(answer, whose)
    return replace(
        answer,
        voices=tuple(_kept_voice(one, labels[one.voice], whose.get(one.voice)) for one in answer.voices),
        turns=tuple(_kept_turn(one, labels[one.voice], whose.get(one.voice)) for one in answer.turns),
    )


def _promoted_labels(answer: Recording, whose: Mapping[str, Whose]) -> dict[str, str]:
    """The speaker's id for a promoted voice, as for every named one; two voices of one speaker keep theirs apart."""
    labels = {one.voice: one.voice for one in answer.voices}
    for label in labels:
        speaker = whose[label].speaker if label in whose else None
        if speaker is not None and speaker.id not in labels.values():
            labels[label] = speaker.id
    return labels


def _kept_voice(voice: RecordedVoice, label: str, whose: Whose | None) -> RecordedVoice:
    if whose is None:
        return voice
    if whose.speaker is None:
        return replace(voice, unknown_id=whose.unknown_id)
    return replace(voice, voice=label, decision="accept", speaker=whose.speaker, reason=PROMOTED)


def _kept_turn(turn: Turn, label: str, whose: Whose | None) -> Turn:
    return turn if whose is None else replace(turn, voice=label, speaker=whose.speaker)
