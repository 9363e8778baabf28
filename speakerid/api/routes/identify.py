"""Who speaks (1:N), is it this speaker (1:1), and embeddings for other uses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from speakerid.api import examples
from speakerid.api.auth import guarded
from speakerid.api.parameters import ChannelDep, EngineDep, GalleryDep, SpeakerId, StrictRoute
from speakerid.api.upload import AUDIO_BODY, AudioDep
from speakerid.services import identify, verify
from speakerid.services.probe import embed
from speakerid.types import Embedding, Identification, Verification

router = APIRouter(prefix="/galleries/{gallery}", tags=["identify"], route_class=StrictRoute)
TopK = Annotated[int, Query(ge=1, le=identify.TOP_K_LIMIT, description="Most candidates in the answer.")]


@router.post(
    "/identify",
    openapi_extra=AUDIO_BODY,
    **guarded("identify", errors=(404, 409, 413, 415, 429), also=examples.ok(examples.IDENTIFICATION)),
)
def identify_speaker(
    engine: EngineDep, gallery: GalleryDep, channel: ChannelDep, audio: AudioDep, top_k: TopK = 5
) -> Identification:
    """Name the speaker of one recording, out of all speakers of the gallery, or answer `unknown`."""
    return identify.identify(engine, gallery, audio, top_k=top_k, channel=channel)


@router.post(
    "/speakers/{speaker_id}/verify",
    openapi_extra=AUDIO_BODY,
    **guarded("identify", errors=(404, 409, 413, 415, 429), also=examples.ok(examples.VERIFICATION)),
)
def verify_speaker(
    engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, channel: ChannelDep, audio: AudioDep
) -> Verification:
    """Is this recording of the speaker in the path?"""
    return verify.verify(engine, gallery, speaker_id, audio, channel=channel)


other_uses = APIRouter(tags=["embeddings"], route_class=StrictRoute)


@other_uses.post("/embeddings", openapi_extra=AUDIO_BODY, **guarded("identify", errors=(413, 415, 429)))
def embeddings(engine: EngineDep, channel: ChannelDep, audio: AudioDep) -> Embedding:
    """The L2-normalized embedding of the speech in one recording. Nothing is compared, nothing is kept."""
    return embed(engine, audio, channel)
