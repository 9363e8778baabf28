"""Speakers of a gallery and their enrollment utterances."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from speakerid.api import examples
from speakerid.api.answers import STILL_ERASING, OnceDep, erased, with_etag
from speakerid.api.auth import guarded
from speakerid.api.parameters import (
    ACCEPT,
    ChannelDep,
    EngineDep,
    GalleryDep,
    IfMatch,
    Limit,
    SpeakerCursor,
    SpeakerId,
    StrictRoute,
    UtteranceCursor,
)
from speakerid.api.schemas import SpeakerChange, SpeakerCreate
from speakerid.api.upload import AUDIO_BODY, AudioDep
from speakerid.db.models import GalleryRow
from speakerid.services import coach, speakers, validation
from speakerid.services.engine import Engine
from speakerid.services.enroll import enroll
from speakerid.services.opt_out import opt_out
from speakerid.types import Enrollment, EnrollmentRefusal, Page, Speaker, Utterance, to_json

Exactly = Annotated[str | None, Query(min_length=1, max_length=200)]
Tag = Annotated[str | None, Query(min_length=1, max_length=200, description="Only speakers with this tag.")]
Expired = Annotated[bool, Query(description="Only speakers whose consent has ended.")]
router = APIRouter(prefix="/v1/galleries/{gallery}/speakers", tags=["speakers"], route_class=StrictRoute)


@router.post("", status_code=201, response_model=Speaker, **guarded("enroll", errors=(404, 409)))
def create_speaker(gallery: GalleryDep, once: OnceDep, body: SpeakerCreate) -> Any:
    """Make a speaker without utterances: enroll some next."""
    return once.create(lambda db: speakers.create(db, gallery, body.fields()), gallery.name)


@router.get("", **guarded("read"))
def list_speakers(
    engine: EngineDep,
    gallery: GalleryDep,
    name: Exactly = None,
    external_id: Exactly = None,
    consent_expired: Expired = False,
    tag: Tag = None,
    cursor: SpeakerCursor = None,
    limit: Limit = 50,
) -> Page[Speaker]:
    """Oldest first, page by page; only those with this name, however it is written, or exactly this external id, or
    this tag."""
    only = speakers.filtered(name, external_id, consent_expired, tag)
    with engine.read() as db:
        return speakers.page(db, gallery, cursor=cursor, limit=limit, only=only)


@router.get("/{speaker_id}", response_model=Speaker, **guarded("read"))
def get_speaker(engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId) -> Any:
    """One speaker: how far the enrollment is, and what was noted about them."""
    with engine.read() as db:
        return with_etag(speakers.get(db, gallery, speaker_id))


@router.patch("/{speaker_id}", response_model=Speaker, **guarded("enroll", errors=(404, 409, 412)))
def change_speaker(
    engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, body: SpeakerChange, if_match: IfMatch = None
) -> Any:
    """Change the fields that are named."""
    with engine.write() as db:
        changed = speakers.update(db, gallery, speaker_id, body.fields(), if_match)
    return with_etag(changed)


@router.delete("/{speaker_id}", status_code=204, **guarded("enroll", errors=(404, 412), also=STILL_ERASING))
def delete_speaker(engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, if_match: IfMatch = None) -> Response:
    """Erase a speaker: row, utterances, embeddings, kept audio and index entry."""
    with engine.write(erase=True) as db:
        speakers.delete(db, gallery, speaker_id, if_match)
    return erased(engine.erased(db))


STILL_ERASING_BUT: dict[int | str, dict[str, Any]] = {202: STILL_ERASING[202] | {"model": Speaker}}


@router.post("/{speaker_id}/opt-out", response_model=Speaker, **guarded("enroll", also=STILL_ERASING_BUT))
def opt_out_speaker(engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId) -> Any:
    """Erase everything known of their voice, and refuse to enroll them again.

    Id, name and external id stay, and that they opted out. Deleting the speaker lifts it.
    """
    engine = engine.serving(gallery)
    own = engine.own_strangers(gallery.key)
    with engine.write(erase=True) as db:
        left = opt_out(engine, db, gallery, speaker_id, own)
    return JSONResponse(to_json(left), 200 if engine.erased(db) else 202)


utterances = APIRouter(
    prefix="/v1/galleries/{gallery}/speakers/{speaker_id}/utterances", tags=["utterances"], route_class=StrictRoute
)
Accept = Annotated[
    str,
    Query(
        description="Refusals to override, with commas between them: " + ", ".join(get_args(EnrollmentRefusal)),
        max_length=200,
        pattern=ACCEPT,
        examples=["clipped,does_not_match_speaker"],
    ),
]
REPEATED: dict[int | str, dict[str, Any]] = {
    200: {"model": Enrollment, "description": "The same bytes, or the same take, were enrolled before."}
}


@utterances.post(
    "",
    status_code=201,
    response_model=Enrollment,
    openapi_extra=AUDIO_BODY,
    **guarded("enroll", errors=(404, 409, 413, 415, 429), also=examples.ok(examples.ENROLLMENT, 201) | REPEATED),
)
def enroll_utterance(
    engine: EngineDep,
    gallery: GalleryDep,
    speaker_id: SpeakerId,
    channel: ChannelDep,
    audio: AudioDep,
    accept: Accept = "",
) -> Any:
    """Enroll one recording of this speaker. Sending the same bytes again changes nothing, nor does the
    same take in another encoding, which has the warning `same_take`.

    The enrollment coach refuses what would spoil the voiceprint, and names the codes that enroll it all the same. Of a
    call each `channel` is a recording of its own; where the gallery keeps audio, only that one is kept.
    """
    accepted = validation.accepted(accept)
    with engine.read() as db:
        speakers.get(db, gallery, speaker_id)  # a wrong id is cheaper to find than speech

    def enrolled(engine: Engine, gallery: GalleryRow) -> Enrollment:
        probe = coach.prepare(engine, gallery, audio, channel)
        with engine.write() as db:
            return enroll(engine, db, gallery.name, speaker_id, probe, accepted)

    done = engine.with_encoder(gallery, enrolled)
    return JSONResponse(to_json(done), 200 if done.already_enrolled else 201)


@utterances.get("", **guarded("read"))
def list_utterances(
    engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, cursor: UtteranceCursor = None, limit: Limit = 50
) -> Page[Utterance]:
    """Oldest first, page by page."""
    with engine.read() as db:
        return speakers.list_utterances(db, gallery, speaker_id, cursor=cursor, limit=limit)


@utterances.delete("/{utterance_id}", response_model=Speaker, **guarded("enroll", also=STILL_ERASING_BUT))
def delete_utterance(engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, utterance_id: SpeakerId) -> Any:
    """Erase one utterance. The voiceprint is recomputed from the others; the answer is the speaker as it is then."""
    with engine.write(erase=True) as db:
        left = speakers.delete_utterance(db, gallery, speaker_id, utterance_id)
    return JSONResponse(to_json(left), 200 if engine.erased(db) else 202)
