"""Read the access log: who asked or changed what."""

from __future__ import annotations

from speakerid.db.access_models import AccessEventRow
from speakerid.db.engine import Handle
from speakerid.db.repositories import access_log
from speakerid.db.repositories.access_log import EVERYTHING, EventFilter
from speakerid.types import AccessEvent, Page

PAGE_LIMIT = 1_000


def page(db: Handle, *, after: int = 0, limit: int = PAGE_LIMIT, only: EventFilter = EVERYTHING) -> Page[AccessEvent]:
    """Oldest first, behind the event `after`. `next_cursor` is the last one's id, None on the last page."""
    limit = min(max(limit, 1), PAGE_LIMIT)
    found = access_log.page(db, after=after, limit=limit + 1, only=only)
    shown = tuple(_event(row) for row in found[:limit])
    return Page(shown, str(shown[-1].id) if len(found) > limit else None)


def _event(row: AccessEventRow) -> AccessEvent:
    return AccessEvent(row.id, row.at, row.key_id, row.action, row.gallery, row.speaker_id, row.outcome, row.request_id)
