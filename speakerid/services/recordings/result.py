"""Look at recordings: one, all, or what came out."""

from __future__ import annotations

from dataclasses import replace

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import recordings
from speakerid.errors import RecordingNotReady, RecordingWithoutResult
from speakerid.services import validation
from speakerid.services.recordings import current_names, jobs, stored_answers
from speakerid.services.unknowns.identified import identified
from speakerid.types import Page, Recording, RecordingJob, RecordingResult

PAGE_LIMIT = 200


def job(db: Handle, gallery: GalleryRow, recording_id: str) -> RecordingJob:
    """How far it is. Raises RecordingNotFound."""
    return jobs.job(recordings.get(db, gallery.key, recording_id))


def result(db: Handle, gallery: GalleryRow, recording_id: str) -> RecordingResult:
    """The job and, when it is done, what came out. Raises RecordingNotFound."""
    row = recordings.get(db, gallery.key, recording_id, answer=True)
    return jobs.result(row, _told(db, gallery, row))


def timeline(db: Handle, gallery: GalleryRow, recording_id: str) -> Recording:
    """What came out. Raises RecordingNotFound, RecordingNotReady, RecordingWithoutResult."""
    row = recordings.get(db, gallery.key, recording_id, answer=True)
    if row.state in ("queued", "running"):
        raise RecordingNotReady(row.state, 100.0 * row.progress)
    found = _told(db, gallery, row)
    if found is None:
        raise RecordingWithoutResult(row.state, row.error_detail)
    return found


def page(db: Handle, gallery: GalleryRow, *, cursor: str | None = None, limit: int = 50) -> Page[RecordingJob]:
    """Newest first. `next_cursor` is None on the last page. Raises InvalidRequest for another list's cursor."""
    limit = min(max(limit, 1), PAGE_LIMIT)
    rows = recordings.page(db, gallery.key, before=validation.cursor(cursor, "rec"), limit=limit + 1)
    items = tuple(jobs.job(row) for row in rows[:limit])
    return Page(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


def _told(db: Handle, gallery: GalleryRow, row: RecordingRow) -> Recording | None:
    """With the names of today."""
    if row.answer is None:
        return None
    recording = stored_answers.loaded(row.answer)
    told = stored_answers.told(recording, current_names.today(db, gallery.key, stored_answers.speaker_ids(recording)))
    return replace(identified(db, row, told), id=row.id)
