"""Speakers of a gallery."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from speakerid.api.auth import allow
from speakerid.api.deps import EngineDep, GalleryDep, IfMatch, Limit, SpeakerId
from speakerid.api.erased import STILL_ERASING, erased
from speakerid.api.etags import with_etag
from speakerid.api.idempotency import OnceDep
from speakerid.api.parameters import SpeakerCursor, StrictRoute
from speakerid.api.problems import problems
from speakerid.api.schemas import SpeakerChange, SpeakerCreate
from speakerid.db.repositories.speakers import SpeakerFilter
from speakerid.services import speakers
from speakerid.types import Page, Speaker

Exactly = Annotated[str | None, Query(max_length=200)]
router = APIRouter(prefix="/galleries/{gallery}/speakers", tags=["speakers"], route_class=StrictRoute)


@router.post(
    "",
    status_code=201,
    response_model=Speaker,
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[allow("enroll")],
)
def create_speaker(gallery: GalleryDep, once: OnceDep, body: SpeakerCreate) -> Any:
    """Make a speaker, who has no voice yet: enroll utterances next."""
    return once.create(lambda db: speakers.create(db, gallery, body.fields()), gallery.name)


@router.get("", responses=problems(401, 403, 404, 422), dependencies=[allow("read")])
def list_speakers(
    engine: EngineDep,
    gallery: GalleryDep,
    name: Exactly = None,
    external_id: Exactly = None,
    cursor: SpeakerCursor = None,
    limit: Limit = 50,
) -> Page[Speaker]:
    """Oldest first, page by page; only those with exactly this name or external id where given."""
    with engine.read() as db:
        only = SpeakerFilter(name, external_id)
        return speakers.page(db, gallery, cursor=cursor, limit=limit, only=only)


@router.get(
    "/{speaker_id}", response_model=Speaker, responses=problems(401, 403, 404, 422), dependencies=[allow("read")]
)
def get_speaker(engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId) -> Any:
    """One speaker: how far the enrollment is, and what was said about them."""
    with engine.read() as db:
        return with_etag(speakers.get(db, gallery, speaker_id))


@router.patch(
    "/{speaker_id}",
    response_model=Speaker,
    responses=problems(401, 403, 404, 409, 412, 422),
    dependencies=[allow("enroll")],
)
def change_speaker(
    engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, body: SpeakerChange, if_match: IfMatch = None
) -> Any:
    """Change the fields that are named."""
    with engine.write() as db:
        changed = speakers.update(db, gallery, speaker_id, body.fields(), if_match)
    return with_etag(changed)


@router.delete(
    "/{speaker_id}",
    status_code=204,
    responses=STILL_ERASING | problems(401, 403, 404, 412, 422),
    dependencies=[allow("enroll")],
)
def delete_speaker(engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, if_match: IfMatch = None) -> Response:
    """Erase a speaker: row, utterances, embeddings, kept audio and index entry."""
    with engine.write(erase=True) as db:
        speakers.delete(db, gallery, speaker_id, if_match)
    return erased(engine.erased(db))
