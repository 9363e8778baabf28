"""The kept voices of a gallery, page by page."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, UnknownVoiceRow
from speakerid.db.repositories import unknowns
from speakerid.encoders.base import label_of
from speakerid.services import validation
from speakerid.types import Page, UnknownVoice

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
    items = tuple(shaped(row) for row in rows[:limit])
    return Page(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


def shaped(row: UnknownVoiceRow) -> UnknownVoice:
    return UnknownVoice(
        id=row.id,
        recordings=row.recordings,
        speech_seconds=round(row.speech_s, 2),
        first_heard_at=row.first_heard_at,
        last_heard_at=row.last_heard_at,
        encoder=label_of(row.encoder_name, row.encoder_fingerprint),
    )
