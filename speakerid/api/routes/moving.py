"""Move a gallery: out as one file, in from one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from tempfile import TemporaryFile
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import iterate_in_threadpool, run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from speakerid.api.auth import allow, caller
from speakerid.api.limits import Shares
from speakerid.api.long_work import export_places, gallery_work
from speakerid.api.parameters import EngineDep, GalleryDep, StrictRoute
from speakerid.api.problems import problems
from speakerid.api.upload import AudioUpload
from speakerid.errors import GalleryFileUnwritable
from speakerid.services.engine import Engine
from speakerid.services.moving import bring_in, send_out
from speakerid.services.reembedding import jobs
from speakerid.types import GalleryImport, Key, Reembedding, to_json

router = APIRouter(prefix="/v1/galleries", tags=["moving"], route_class=StrictRoute)
ADMIN, OPERATOR, READER = allow("admin"), allow("admin", whole_store=True), allow("read", "admin")
Admin = Annotated[Key | None, ADMIN]
Operator = Annotated[Key | None, OPERATOR]
MEDIA = "application/zip"
BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
ZIP_ANSWER: dict[int | str, dict[str, Any]] = {200: {"description": "The file.", "content": {MEDIA: BINARY}}}
ZIP_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "What an export gave, under any Content-Type, or as the part `file` of a form.",
        "content": {"application/octet-stream": BINARY},
    }
}
WithAudio = Annotated[bool, Query(description="With the recordings that the gallery keeps.")]
NewName = Annotated[
    str | None, Query(description="By default the name it had.", min_length=1, max_length=64, examples=["team-2"])
]
Reembed = Annotated[
    bool, Query(description="Of another encoder's gallery: embeddings anew, from the audio in the file.")
]


@router.get(
    "/{gallery}/export",
    response_class=StreamingResponse,
    responses=ZIP_ANSWER | problems(401, 403, 404, 422, 429),
    dependencies=[ADMIN],
)
async def export_gallery(
    request: Request, key: Admin, engine: EngineDep, gallery: GalleryDep, audio: WithAudio = False
) -> StreamingResponse:
    """The whole gallery as one file: settings, calibration, speakers, utterances and their embeddings, of one moment.

    Recordings of several people, unknown voices, keys and the history of repairs are not in it. A file that came
    whole ends with its manifest.json; an import refuses any other. Two are made at a time, others are answered 429.
    """
    bytes_ = _sent(engine, gallery.name, export_places(request), caller(request, key), audio=audio)
    first = await anext(bytes_)  # what is refused is refused before the answer begins
    headers = {"Content-Disposition": f'attachment; filename="{gallery.name}.zip"'}
    return StreamingResponse(_again(first, bytes_), media_type=MEDIA, headers=headers)


@router.post(
    "/import",
    status_code=201,
    responses=problems(401, 403, 409, 413, 422, 429),
    dependencies=[OPERATOR],
    openapi_extra=ZIP_BODY,
)
async def import_gallery(
    request: Request, key: Operator, engine: EngineDep, name: NewName = None, reembed: Reembed = False
) -> GalleryImport:
    """Make the gallery that a file was exported from: all of it, or nothing. The answer comes when it is there.

    Ids stay, but for those that the store has already; the answer names the new ones. An empty gallery of its name
    makes room, any other does not (409): send `name`. The encoder has to be the one of the file (409), unless it is to
    be made anew from the audio in it (`reembed`).
    """
    with TemporaryFile() as file:  # without a name, and gone with the request
        async for chunk in AudioUpload(request).chunks():
            await run_in_threadpool(_keep, file, chunk)
        work = partial(bring_in.bring_in, engine, file, name, reembed=reembed)
        return await gallery_work(request).run(request, key, work, read=True)


def _keep(file: BinaryIO, chunk: bytes) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        raise GalleryFileUnwritable(
            f"The folder for temporary files is full or read-only ({error.strerror})."
        ) from error


async def _sent(engine: Engine, gallery: str, places: Shares, who: str, *, audio: bool) -> AsyncIterator[bytes]:
    with places.place(who):
        async for chunk in iterate_in_threadpool(send_out.chunks(engine, gallery, audio=audio)):
            yield chunk


async def _again(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


ToEncoder = Annotated[
    str | None,
    Query(description="Its name; by default the server's own.", min_length=1, max_length=220, examples=["ecapa-mini"]),
]


@router.post(
    "/{gallery}/reembed",
    status_code=202,
    response_model=Reembedding,
    responses=problems(401, 403, 404, 409, 422),
    dependencies=[ADMIN],
)
def reembed_gallery(request: Request, engine: EngineDep, gallery: GalleryDep, encoder: ToEncoder = None) -> Any:
    """Move the gallery to another encoder that the server has: embeddings anew, from the audio that it keeps.

    In the background; until it is done the gallery answers and enrolls as before, and then with the other encoder, from
    one moment to the next. Refused (409) with `audio_not_kept` and their number where utterances have no audio. To send
    it again is to ask for the same job. The gallery's own calibration is of the old encoder and not used any more.
    """
    started = jobs.start(engine, gallery.name, encoder)
    return JSONResponse(to_json(started), 202, {"Location": request.scope["path"]})


@router.get("/{gallery}/reembed", responses=problems(401, 403, 404, 422), dependencies=[READER])
def get_reembedding(engine: EngineDep, gallery: GalleryDep) -> Reembedding:
    """How far the gallery's last move to another encoder is, and how it ended."""
    return jobs.latest(engine, gallery.name)


@router.post("/{gallery}/reembed/cancel", responses=problems(401, 403, 404, 409, 422), dependencies=[ADMIN])
def cancel_reembedding(engine: EngineDep, gallery: GalleryDep) -> Reembedding:
    """Stop it: at once if it waits, within seconds if it runs. The gallery stays as it is."""
    return jobs.cancel(engine, gallery.name)
