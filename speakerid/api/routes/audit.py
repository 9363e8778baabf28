"""Is a gallery in order?"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Request

from speakerid.api import examples
from speakerid.api.auth import allow
from speakerid.api.deps import EngineDep, GalleryDep
from speakerid.api.long_work import gallery_work
from speakerid.api.parameters import SpeakerCursor, StrictRoute
from speakerid.api.problems import problems
from speakerid.services import audit
from speakerid.types import Audit, Key

router = APIRouter(prefix="/galleries/{gallery}", tags=["audit"], route_class=StrictRoute)
AUDITOR = allow("enroll")
Auditor = Annotated[Key | None, AUDITOR]


@router.post(
    "/audit", responses=examples.ok(examples.AUDIT) | problems(401, 403, 404, 409, 422, 429), dependencies=[AUDITOR]
)
async def audit_gallery(
    request: Request, caller: Auditor, engine: EngineDep, gallery: GalleryDep, cursor: SpeakerCursor = None
) -> Audit:
    """Find wrong labels, junk, one voice under two names and weak voiceprints. Changes nothing.

    Every utterance is compared with its speaker's other utterances and with all other speakers. A gallery of more than
    about 10,000 utterances is audited speaker by speaker in several requests, until `next_cursor` is null. One audit
    or calibration runs at a time and a few callers wait; the others are answered 429.
    """
    return await gallery_work(request).run(request, caller, partial(audit.audit, engine, gallery, cursor))
