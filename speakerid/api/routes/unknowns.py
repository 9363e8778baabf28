"""The inbox of unknown voices: people in recordings who are not enrolled."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from speakerid.api import examples
from speakerid.api.answers import STILL_ERASING, erased
from speakerid.api.auth import guarded
from speakerid.api.parameters import EngineDep, GalleryDep, Limit, StrictRoute, UnknownCursor, UnknownId
from speakerid.api.schemas import Promote
from speakerid.services import validation
from speakerid.services.unknowns import inbox, promote
from speakerid.types import Page, Promotion, UnknownVoice, UnknownVoiceDetails

router = APIRouter(prefix="/v1/galleries/{gallery}/unknowns", tags=["unknown voices"], route_class=StrictRoute)
of_recordings = APIRouter(prefix="/v1/galleries/{gallery}/recordings", tags=["unknown voices"], route_class=StrictRoute)
RecordingId = Annotated[str, Path(examples=[examples.RECORDING_RESULT.id], max_length=64)]
VoiceLabel = Annotated[str, Path(description="As the result has it.", examples=["unknown_1"], max_length=64)]
MinRecordings = Annotated[int, Query(ge=1, le=1_000_000, description="2: only voices of two recordings or more.")]


@router.get("", **guarded("read"))
def list_unknowns(
    engine: EngineDep,
    gallery: GalleryDep,
    min_recordings: MinRecordings = 1,
    cursor: UnknownCursor = None,
    limit: Limit = 50,
) -> Page[UnknownVoice]:
    """Voices of people in recordings who are not enrolled, oldest first, page by page.

    They are kept only while the gallery's `keep_unknown_voices` is on.
    """
    with engine.read() as db:
        return inbox.page(db, gallery, cursor=cursor, limit=limit, min_recordings=min_recordings)


@router.get("/{unknown_id}", **guarded("read"))
def get_unknown(engine: EngineDep, gallery: GalleryDep, unknown_id: UnknownId) -> UnknownVoiceDetails:
    """One unknown voice and the recordings it speaks in: which, as which of their voices, when."""
    with engine.read() as db:
        return inbox.show(db, gallery, unknown_id)


@router.post("/{unknown_id}/promote", **guarded("enroll", errors=(404, 409)))
def promote_unknown(engine: EngineDep, gallery: GalleryDep, unknown_id: UnknownId, body: Promote) -> Promotion:
    """Make it a new speaker (`name`), or part of an existing one (`speaker_id`).

    The speaker is enrolled from these recordings, and they name the speaker from then on. The
    enrollment coach refuses a voice that is enrolled already, or that is not the speaker's; `accept` overrides it.
    """
    into, accepted = body.into(), validation.accepted(body.accept)
    engine = engine.serving(gallery)
    near = promote.look_up(engine, gallery, unknown_id)
    with engine.write() as db:
        return promote.promote(engine, db, gallery.name, unknown_id, into, near, accepted)


@router.delete("/{unknown_id}", status_code=204, **guarded("enroll", also=STILL_ERASING))
def dismiss_unknown(engine: EngineDep, gallery: GalleryDep, unknown_id: UnknownId) -> Response:
    """Forget the voice: voiceprint, embeddings and the recordings it speaks in.

    Nothing is left to recognize it by, so when the person speaks in a later recording, it is kept as a new voice.
    """
    with engine.write(erase=True) as db:
        inbox.dismiss(db, gallery, unknown_id)
    return erased(engine.erased(db))


@of_recordings.post("/{recording_id}/voices/{voice}/promote", **guarded("enroll", errors=(404, 409)))
def promote_voice(
    engine: EngineDep, gallery: GalleryDep, recording_id: RecordingId, voice: VoiceLabel, body: Promote
) -> Promotion:
    """The same for the unknown voice that a recording's result calls `unknown_1`, say, in all of its recordings.

    `voice_not_kept` says why nothing is kept of it: it spoke too shortly, it has a name already, only some speakers
    were to be named, it may be an enrolled speaker's, it was forgotten since, or the gallery keeps no unknown voices.
    """
    with engine.read() as db:
        unknown_id = inbox.of_recording(db, gallery, recording_id, voice)
    return promote_unknown(engine, gallery, unknown_id, body)
