"""Repair a gallery, and take the repair back."""

from __future__ import annotations

from fastapi import APIRouter

from speakerid.api.auth import allow
from speakerid.api.deps import ChangeId, EngineDep, GalleryDep, Limit, SpeakerId
from speakerid.api.parameters import ChangeCursor, StrictRoute
from speakerid.api.problems import problems
from speakerid.api.schemas import MergeInto, MoveTo
from speakerid.services import repair
from speakerid.types import Change, Page, Repair

router = APIRouter(prefix="/galleries/{gallery}", tags=["repairs"], route_class=StrictRoute)


@router.post("/speakers/{speaker_id}/merge", responses=problems(401, 403, 404, 422), dependencies=[allow("enroll")])
def merge_speakers(engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, body: MergeInto) -> Repair:
    """Make two speakers one: the utterances of the speaker in the path go to `into`, and the speaker is gone."""
    with engine.write() as db:
        return repair.merge(db, gallery, speaker_id, body.into)


@router.post(
    "/speakers/{speaker_id}/utterances/{utterance_id}/move",
    responses=problems(401, 403, 404, 422),
    dependencies=[allow("enroll")],
)
def move_utterance(
    engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, utterance_id: SpeakerId, body: MoveTo
) -> Repair:
    """Give an utterance to another speaker. Both voiceprints are recomputed."""
    with engine.write() as db:
        return repair.move(db, gallery, speaker_id, utterance_id, body.to)


@router.get("/history", responses=problems(401, 403, 404, 422), dependencies=[allow("read")])
def list_history(
    engine: EngineDep, gallery: GalleryDep, cursor: ChangeCursor = None, limit: Limit = 50
) -> Page[Change]:
    """Merges and moves, newest first, page by page."""
    with engine.read() as db:
        return repair.history(db, gallery, cursor=cursor, limit=limit)


@router.post("/history/{change_id}/undo", responses=problems(401, 403, 404, 409, 422), dependencies=[allow("enroll")])
def undo_change(engine: EngineDep, gallery: GalleryDep, change_id: ChangeId) -> Repair:
    """Take back a merge or a move. A merged speaker is there again, with the same id.

    `undo_impossible` when a later change has to be undone first, or when something of it was erased since.
    """
    with engine.write() as db:
        return repair.undo(db, gallery, change_id)
