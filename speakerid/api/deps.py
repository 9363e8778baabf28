"""What routes ask for: the engine, the gallery in the path, the audio in the body."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import HTTPConnection

from speakerid.db.models import GalleryRow
from speakerid.errors import EmptyAudio, InvalidRequest, Overloaded
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.settings import Settings


def engine_of(request: HTTPConnection) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def gallery_of(request: Request, gallery: Annotated[str, Path(examples=["default"], max_length=64)]) -> GalleryRow:
    """Raises GalleryNotFound."""
    return galleries.get(engine_of(request), gallery)


async def audio_of(request: Request) -> AsyncIterator[bytes]:
    """The recording: the raw body, or the part `file` of a multipart form. The declared type is never trusted.

    Raises EmptyAudio, InvalidRequest, and Overloaded when too many uploads are in memory already.
    """
    state, settings = request.app.state, settings_of(request)
    if state.uploads >= settings.max_uploads:
        raise Overloaded
    state.uploads += 1
    try:
        yield await _read_audio(request, settings.max_body_bytes)
    finally:
        state.uploads -= 1


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


async def _read_audio(request: Request, limit: int) -> bytes:
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        audio = await _file_part(request, limit)
    else:
        audio = b"".join([chunk async for chunk in request.stream()])
    if not audio:
        raise EmptyAudio
    return audio


async def _file_part(request: Request, limit: int) -> bytes:
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=10)
    parser.spool_max_size = limit  # stay in memory: voices do not belong in temporary files
    try:
        form = await parser.parse()
    except KeyError as error:
        raise InvalidRequest("The multipart Content-Type names no boundary. Let your HTTP client write it.") from error
    except MultiPartException as error:
        raise InvalidRequest(f"The multipart body cannot be read ({error}). Send one part named 'file'.") from error
    try:
        part = form.get("file")
        if isinstance(part, UploadFile):
            return await part.read()
    finally:
        await form.close()
    raise InvalidRequest("The multipart body has no file in a part named 'file'. Name the part 'file'.")
