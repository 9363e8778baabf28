"""Who speaks (1:N), is it this speaker (1:1), and embeddings for other uses."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import TypeAdapter

from speakerid.api import examples
from speakerid.api.auth import guarded
from speakerid.api.parameters import (
    CandidatesDep,
    ChannelDep,
    EngineDep,
    GalleryDep,
    SpeakerId,
    StrictRoute,
    engine_of,
)
from speakerid.api.upload import AUDIO_BODY, AudioDep
from speakerid.services import classify, identify, verify
from speakerid.services.engine import Engine
from speakerid.services.probe import embed
from speakerid.types import Embedding, Identification, Verification

router = APIRouter(prefix="/v1/galleries/{gallery}", tags=["identify"], route_class=StrictRoute)


async def classifiers_of(
    request: Request,
    classifiers: Annotated[
        str | None,
        Query(
            description="Names of classifiers to ask as well, with commas between them.",
            pattern="[^, ]",
            max_length=1000,
        ),
    ] = None,
) -> tuple[str, ...]:
    """Those that are there: others are refused before a body is read. Raises ClassifierError."""
    if not classifiers:
        return ()
    return await run_in_threadpool(_there, engine_of(request), classify.names(classifiers))


def _there(engine: Engine, names: tuple[str, ...]) -> tuple[str, ...]:
    """Raises ClassifierError."""
    for name in names:
        engine.classifiers.get(name)
    return names


ClassifiersDep = Annotated[tuple[str, ...], Depends(classifiers_of)]
ANSWERS = TypeAdapter[Identification | Verification | Embedding](Identification | Verification | Embedding)
TopK = Annotated[int, Query(ge=1, le=identify.TOP_K_LIMIT, description="Most candidates in the answer.")]


def _written(answer: Identification | Verification | Embedding) -> Response:
    """Written in the thread where it was made: FastAPI would check it in another and write it in a third."""
    return Response(ANSWERS.dump_json(answer, by_alias=True), media_type="application/json")


@router.post(
    "/identify",
    response_model=Identification,
    openapi_extra=AUDIO_BODY,
    **guarded("identify", errors=(404, 409, 413, 415, 429), also=examples.ok(examples.IDENTIFICATION)),
)
def identify_speaker(
    engine: EngineDep,
    gallery: GalleryDep,
    channel: ChannelDep,
    classifiers: ClassifiersDep,
    candidates: CandidatesDep,
    audio: AudioDep,
    top_k: TopK = 5,
) -> Response:
    """Name the speaker of one recording, out of the gallery, `candidates` or those with `tags`, or answer `unknown`.

    `classifiers` are asked about the same recording, which is decoded once; `classes` has their answers.
    """
    asked = partial(
        identify.identify, audio=audio, top_k=top_k, channel=channel, classifiers=classifiers, only=candidates
    )
    return _written(engine.with_encoder(gallery, asked))


@router.post(
    "/speakers/{speaker_id}/verify",
    response_model=Verification,
    openapi_extra=AUDIO_BODY,
    **guarded("identify", errors=(404, 409, 413, 415, 429)),
)
def verify_speaker(
    engine: EngineDep, gallery: GalleryDep, speaker_id: SpeakerId, channel: ChannelDep, audio: AudioDep
) -> Response:
    """Is this recording of the speaker in the path?"""
    asked = partial(verify.verify, speaker_id=speaker_id, audio=audio, channel=channel)
    return _written(engine.with_encoder(gallery, asked))


other_uses = APIRouter(prefix="/v1", tags=["embeddings"], route_class=StrictRoute)


@other_uses.post(
    "/embeddings", response_model=Embedding, openapi_extra=AUDIO_BODY, **guarded("identify", errors=(413, 415, 429))
)
def embeddings(engine: EngineDep, channel: ChannelDep, audio: AudioDep) -> Response:
    """The L2-normalized embedding of the speech in one recording. Nothing is compared, nothing is kept."""
    return _written(embed(engine, audio, channel))
