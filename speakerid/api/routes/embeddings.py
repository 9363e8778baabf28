"""Embeddings for other uses."""

from __future__ import annotations

from fastapi import APIRouter

from speakerid.api.auth import allow
from speakerid.api.deps import AudioDep, EngineDep
from speakerid.api.parameters import ChannelDep, StrictRoute
from speakerid.api.problems import problems
from speakerid.api.schemas import AUDIO_BODY
from speakerid.services.probe import embed
from speakerid.types import Embedding

router = APIRouter(tags=["embeddings"], route_class=StrictRoute)


@router.post(
    "/embeddings",
    responses=problems(401, 403, 413, 415, 422, 429),
    dependencies=[allow("identify")],
    openapi_extra=AUDIO_BODY,
)
def embeddings(engine: EngineDep, channel: ChannelDep, audio: AudioDep) -> Embedding:
    """The L2-normalized embedding of the speech in one recording. Nothing is compared, nothing is kept."""
    return embed(engine, audio, channel)
