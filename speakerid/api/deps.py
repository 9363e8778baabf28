"""What routes ask for: the engine, the gallery in the path, the audio in the body."""

from __future__ import annotations

from io import BytesIO
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from starlette.requests import HTTPConnection

from speakerid.api.upload import audio_stream
from speakerid.db.models import GalleryRow
from speakerid.errors import EmptyAudio
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.settings import Settings


def engine_of(request: HTTPConnection) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def gallery_of(request: Request, gallery: Annotated[str, Path(examples=["default"], max_length=64)]) -> GalleryRow:
    """Raises GalleryNotFound."""
    return galleries.get(engine_of(request), gallery)


async def audio_of(request: Request) -> bytes:
    """One audio file, in memory once. Raises EmptyAudio, InvalidRequest."""
    file = BytesIO()
    async for chunk in audio_stream(request):
        file.write(chunk)
    if not file.tell():
        raise EmptyAudio
    return file.getvalue()  # no copy: CPython hands its own buffer on


EngineDep = Annotated[Engine, Depends(engine_of)]
GalleryDep = Annotated[GalleryRow, Depends(gallery_of)]
AudioDep = Annotated[bytes, Depends(audio_of)]
SpeakerId = Annotated[str, Path(examples=["spk_01K9Z3T5W8Q0R2M4N6P7S9V1X3"], max_length=64)]
UnknownId = Annotated[str, Path(examples=["unk_01K9Z45E1F3H5J7K9M1N3P5Q7R"], max_length=64)]
ChangeId = Annotated[str, Path(description="The id of a change, or `last`.", examples=["last"], max_length=64)]
IfMatch = Annotated[str | None, Header(description="Change only if the ETag is still this one.", max_length=64)]
Limit = Annotated[int, Query(ge=1, le=200, description="Rows per page.")]


def settings_of(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
