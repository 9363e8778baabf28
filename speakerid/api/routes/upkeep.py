"""Keep a gallery in order: audit, calibrate, repair, and take a repair back."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from speakerid.api.answers import with_etag
from speakerid.api.auth import allow, guarded
from speakerid.api.long_work import gallery_work
from speakerid.api.parameters import (
    ChangeCursor,
    ChangeId,
    EngineDep,
    GalleryDep,
    IfMatch,
    Limit,
    SpeakerCursor,
    SpeakerId,
    StrictRoute,
)
from speakerid.api.problems import problems
from speakerid.api.schemas import MergeInto, MoveTo, SplitOff
from speakerid.db.models import GalleryRow
from speakerid.services import audit, calibrate, repair, split
from speakerid.services.engine import Engine
from speakerid.types import Audit, CalibrationReport, Change, Gallery, Key, Page, Repair

router = APIRouter(prefix="/v1/galleries/{gallery}", route_class=StrictRoute)
AUDITOR = allow("enroll")
Auditor = Annotated[Key | None, AUDITOR]


@router.post(
    "/audit",
    tags=["audit"],
    responses=problems(401, 403, 404, 409, 422, 429),
    dependencies=[AUDITOR],
)
async def audit_gallery(
    request: Request, caller: Auditor, engine: EngineDep, gallery: GalleryDep, cursor: SpeakerCursor = None
) -> Audit:
    """Find wrong labels, junk, one voice under two names and weak voiceprints. Changes nothing.

    Every utterance is compared with its speaker's other utterances and with all other speakers. A gallery of more than
    about 10,000 utterances is audited speaker by speaker in several requests, until `next_cursor` is null. One audit
    or calibration runs at a time and a few callers wait; the others are answered 429.
    """
    return await gallery_work(request).run(
        request, caller, partial(audit.audit, engine.serving(gallery), gallery, cursor)
    )


ADMIN = allow("admin")
Admin = Annotated[Key | None, ADMIN]
DryRun = Annotated[bool, Query(description="Only report; change nothing.")]


@router.post(
    "/calibrate",
    tags=["calibration"],
    responses=problems(401, 403, 404, 409, 422, 429),
    dependencies=[ADMIN],
)
async def calibrate_gallery(
    request: Request,
    caller: Admin,
    engine: EngineDep,
    gallery: GalleryDep,
    dry_run: DryRun = False,
) -> CalibrationReport:
    """Fit a calibration on the gallery's own enrollment utterances and use it from now on.

    Measured on speakers left out of the fit, beside the default. Refused (409) with `too_few_trials` or
    `classes_overlap` when it would mean nothing. The larger the gallery, the longer it takes: up to half a minute. One
    audit or calibration runs at a time and a few callers wait; the others are answered 429.
    """
    return await gallery_work(request).run(
        request, caller, partial(_calibrated, engine.serving(gallery), gallery, keep=not dry_run)
    )


@router.delete(
    "/calibration",
    tags=["calibration"],
    response_model=Gallery,
    responses=problems(401, 403, 404, 412, 422),
    dependencies=[ADMIN],
)
def reset_calibration(engine: EngineDep, gallery: GalleryDep, if_match: IfMatch = None) -> Any:
    """Go back to the encoder's default calibration. The answer is the gallery as it is then."""
    with engine.write() as db:
        changed = calibrate.reset(engine, db, gallery.name, if_match)
    return with_etag(changed)


def _calibrated(engine: Engine, gallery: GalleryRow, *, keep: bool) -> CalibrationReport:
    made = calibrate.fit(engine, gallery)
    if not keep:
        return made.report
    with engine.write() as db:
        return calibrate.keep(db, gallery.name, made)


@router.post("/speakers/{speaker_id}/merge", tags=["repairs"], **guarded("enroll"))
def merge_speakers(engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, body: MergeInto) -> Repair:
    """Make two speakers one: the utterances of the speaker in the path go to `into`, and the speaker is gone."""
    with engine.write() as db:
        return repair.merge(db, gallery, speaker_id, body.into)


@router.post("/speakers/{speaker_id}/utterances/{utterance_id}/move", tags=["repairs"], **guarded("enroll"))
def move_utterance(
    engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, utterance_id: SpeakerId, body: MoveTo
) -> Repair:
    """Give an utterance to another speaker. Both voiceprints are recomputed."""
    with engine.write() as db:
        return repair.move(db, gallery, speaker_id, utterance_id, body.to)


@router.post("/speakers/{speaker_id}/split", tags=["repairs"], **guarded("enroll", errors=(404, 409)))
def split_speaker(engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, body: SplitOff) -> Repair:
    """Give some utterances of a speaker to a new one, who was somebody else all the time: the opposite of a merge."""
    with engine.write() as db:
        return split.split(db, gallery, speaker_id, body.utterances, body.fields())


@router.get("/history", tags=["repairs"], **guarded("read"))
def list_history(
    engine: EngineDep, gallery: GalleryDep, cursor: ChangeCursor = None, limit: Limit = 50
) -> Page[Change]:
    """Merges, moves and splits, newest first, page by page."""
    with engine.read() as db:
        return repair.history(db, gallery, cursor=cursor, limit=limit)


@router.post("/history/{change_id}/undo", tags=["repairs"], **guarded("enroll", errors=(404, 409)))
def undo_change(engine: EngineDep, gallery: GalleryDep, change_id: ChangeId) -> Repair:
    """Take back a merge, a move or a split. A merged speaker is there again, with the same id.

    `undo_impossible` when a later change has to be undone first, or when something of it was erased since.
    """
    with engine.write() as db:
        return repair.undo(db, gallery, change_id)
