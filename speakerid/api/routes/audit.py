"""Is a gallery in order?"""

from __future__ import annotations

from fastapi import APIRouter

from speakerid.api import examples
from speakerid.api.auth import allow
from speakerid.api.deps import Cursor, EngineDep, GalleryDep
from speakerid.api.problems import problems
from speakerid.services import audit
from speakerid.types import Audit

router = APIRouter(prefix="/galleries/{gallery}", tags=["audit"])


@router.post(
    "/audit",
    responses=examples.ok(examples.AUDIT) | problems(401, 403, 404, 409, 422),
    dependencies=[allow("enroll")],
)
def audit_gallery(engine: EngineDep, gallery: GalleryDep, cursor: Cursor = None) -> Audit:
    """Find wrong labels, junk, one voice under two names and weak voiceprints. Changes nothing.

    Every utterance is compared with its speaker's other utterances and with all other speakers. A gallery of more than
    about 10,000 utterances is audited speaker by speaker in several requests, until `next_cursor` is null.
    """
    return audit.audit(engine, gallery, cursor)
