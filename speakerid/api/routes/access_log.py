"""Who asked or changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from speakerid.api.auth import allow
from speakerid.api.parameters import EngineDep, StrictRoute
from speakerid.api.problems import problems
from speakerid.db.repositories.access_log import EventFilter
from speakerid.errors import ScopeMissing
from speakerid.services import access_log
from speakerid.types import AccessEvent, Key, Page

MOST = 2**63 - 1
router = APIRouter(prefix="/v1/access-log", tags=["access log"], route_class=StrictRoute)
ADMIN = allow("admin")
Admin = Annotated[Key | None, ADMIN]
After = Annotated[int, Query(ge=0, le=MOST, description="Only events behind the one of this id.")]
Since = Annotated[datetime | None, Query(description="Only events from then on, ISO 8601 with a zone.")]
About = Annotated[str | None, Query(min_length=1, max_length=40, description="Only events about this speaker, by id.")]
Inside = Annotated[str | None, Query(min_length=1, max_length=64, description="Only events of this gallery.")]
EventLimit = Annotated[int, Query(ge=1, le=access_log.PAGE_LIMIT, description="Events per page.")]


@router.get("", responses=problems(401, 403, 422), dependencies=[ADMIN])
def list_events(
    engine: EngineDep,
    caller: Admin,
    after: After = 0,
    since: Since = None,
    speaker_id: About = None,
    gallery: Inside = None,
    limit: EventLimit = 200,
) -> Page[AccessEvent]:
    """Who asked or changed what: which key, by which route, about whom, and how it ended. Oldest first.

    To follow it, ask again with the id of the last event as `after`. Changes are there at once, the rest a second
    later. A key that is bound to galleries sees their events.
    """
    bound = caller.galleries if caller else ()
    if gallery is not None and bound and gallery not in bound:
        raise ScopeMissing("admin")
    galleries = bound if gallery is None else (gallery,)
    with engine.read() as db:
        return access_log.page(db, after=after, limit=limit, only=EventFilter(galleries, speaker_id, since))
