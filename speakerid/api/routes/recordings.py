"""Recordings of several people, gone through as jobs: who speaks when?"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool
from fastapi.responses import JSONResponse

from speakerid.api import examples
from speakerid.api.answers import STILL_ERASING, IdempotencyKey, erased
from speakerid.api.auth import allow, guarded
from speakerid.api.long_work import result_work
from speakerid.api.parameters import (
    CandidatesDep,
    EngineDep,
    GalleryDep,
    Limit,
    RecordingCursor,
    StrictRoute,
    settings_of,
)
from speakerid.api.problems import problems
from speakerid.api.recording_source import AUDIO_OR_URL, in_own_thread, url_or_audio
from speakerid.api.upload import AudioUpload
from speakerid.db.models import GalleryRow
from speakerid.diarization import formats
from speakerid.services.diarize import MAX_SPEAKERS
from speakerid.services.engine import Engine
from speakerid.services.recordings import erase, fetch, results, save
from speakerid.services.recordings.fetch import Sources
from speakerid.services.recordings.submit import Intake, RecordingRequest, Upload, receiving
from speakerid.types import Key, Page, RecordingJob, RecordingResult, Sides, to_json

router = APIRouter(prefix="/v1/galleries/{gallery}/recordings", tags=["recordings"], route_class=StrictRoute)

SENDER, READER = allow("identify"), allow("read", "identify")
Sender = Annotated[Key | None, SENDER]
Reader = Annotated[Key | None, READER]
RecordingId = Annotated[str, Path(examples=[examples.RECORDING_RESULT.id], max_length=64)]
Speakers = Annotated[int | None, Query(ge=1, le=MAX_SPEAKERS, description="How many speak, if you know it.")]
MinSpeakers = Annotated[int | None, Query(ge=1, le=MAX_SPEAKERS, description="At least how many speak.")]
MaxSpeakers = Annotated[int | None, Query(ge=1, le=MAX_SPEAKERS, description="At most how many speak.")]
Channel = Annotated[
    str,
    Query(
        description="mix, split (each channel is its own side of a call), or a number from 0.",
        pattern=r"^(mix|split|[0-9]{1,3})$",
    ),
]
Webhook = Annotated[
    str | None, Query(description="An http or https URL that is called when the job has ended.", max_length=2000)
]
Name = Annotated[
    str | None,
    Query(
        description="What to call it, in lists and in RTTM. By default the name of a form's file.",
        min_length=1,
        max_length=200,
    ),
]
Format = Literal["json", "rttm", "srt", "vtt", "csv"]
FormatQuery = Annotated[Format | None, Query(description="The timeline alone, in this format.")]
MEDIA: dict[Format, str] = {
    "json": "application/json",
    "rttm": "text/x-rttm",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "csv": "text/csv",
}


@router.post(
    "",
    status_code=202,
    response_model=RecordingJob,
    responses=problems(401, 403, 404, 409, 413, 415, 422, 429),
    dependencies=[SENDER],
    openapi_extra=AUDIO_OR_URL,
)
async def submit_recording(
    request: Request,
    sender: Sender,
    engine: EngineDep,
    gallery: GalleryDep,
    candidates: CandidatesDep,
    speakers: Speakers = None,
    min_speakers: MinSpeakers = None,
    max_speakers: MaxSpeakers = None,
    channel: Channel = "mix",
    webhook: Webhook = None,
    name: Name = None,
    idempotency_key: IdempotencyKey = None,
) -> Any:
    """Send a recording of minutes or hours. It is worked on in the background; `Location` is where to look.

    Instead of audio the body may be JSON, `{"url": "https://…"}`, where the operator lists the host: the answer comes
    once it is fetched. The webhook gets a POST with the id and the state when the job has ended, signed where the
    operator set a secret.
    """
    asked = RecordingRequest(
        speakers, min_speakers, max_speakers, candidates.names, _sides(channel), candidates.tags, webhook, name
    )
    coming = receiving(engine, gallery, asked, _intake(request), sender.id if sender else None)
    async with contextmanager_in_threadpool(coming) as upload:
        audio = AudioUpload(request)
        chunks = audio.chunks()
        head, url = await url_or_audio(audio, chunks)
        if url is not None:
            request.state.head = b""  # what is refused from now on is not this body
            await in_own_thread(partial(_fetch, upload, url, _sources(request)))
        else:
            await run_in_threadpool(upload.add, head)
        async for chunk in chunks:
            await run_in_threadpool(upload.add, chunk)
        upload.call_after(audio.filename)
        answer, replayed = await run_in_threadpool(_finish, request, upload, idempotency_key)
    headers = {"Location": f"{request.scope['path']}/{answer['id']}"}
    return JSONResponse(answer, 202, headers | ({"Idempotent-Replayed": "true"} if replayed else {}))


@router.get("", **guarded("read", "identify"))
def list_recordings(
    engine: EngineDep, gallery: GalleryDep, cursor: RecordingCursor = None, limit: Limit = 50
) -> Page[RecordingJob]:
    """Newest first, page by page, without their results."""
    with engine.read() as db:
        return results.page(db, gallery, cursor=cursor, limit=limit)


@router.get(
    "/{recording_id}",
    response_model=RecordingResult,
    responses=examples.ok(examples.RECORDING_RESULT) | problems(401, 403, 404, 409, 422, 429),
    dependencies=[READER],
)
async def get_recording(
    request: Request,
    reader: Reader,
    engine: EngineDep,
    gallery: GalleryDep,
    recording_id: RecordingId,
    format: FormatQuery = None,
    accept: Annotated[str, Header(max_length=1000)] = "",
) -> Any:
    """The job and, when it is done, its result. With `format` or an `Accept` header: the timeline alone.

    A timeline that is not ready is refused (409). Names are those of today; an erased speaker is an unknown voice.
    """
    wanted = format or _accepted(accept)
    job = await run_in_threadpool(job_of, engine, gallery, recording_id)
    if wanted is None and job.state != "done":  # what is asked again and again never waits
        return JSONResponse(to_json(RecordingResult(**vars(job), result=None)))
    shown = partial(_shown, engine, gallery, recording_id, wanted)
    return await result_work(request).run(request, reader, shown)


@router.post("/{recording_id}/cancel", **guarded("identify", errors=(404, 409)))
def cancel_recording(engine: EngineDep, gallery: GalleryDep, recording_id: RecordingId) -> RecordingJob:
    """Stop it: at once if it waits, within seconds if it runs. One that has ended is refused (409)."""
    return save.cancel(engine, gallery, recording_id)


@router.delete("/{recording_id}", status_code=204, **guarded("identify", also=STILL_ERASING))
def delete_recording(engine: EngineDep, gallery: GalleryDep, recording_id: RecordingId) -> Response:
    """Erase it: audio, result and job. One that runs is stopped."""
    return erased(erase.recording(engine, gallery, recording_id))


def job_of(engine: Engine, gallery: GalleryRow, recording_id: str) -> RecordingJob:
    with engine.read() as db:
        return results.job(db, gallery, recording_id)


def _shown(engine: Engine, gallery: GalleryRow, recording_id: str, wanted: Format | None) -> Response:
    with engine.read() as db:
        if wanted is None:
            return JSONResponse(to_json(results.result(db, gallery, recording_id)))
        recording = results.timeline(db, gallery, recording_id)
        name = results.job(db, gallery, recording_id).name or recording_id
    if wanted == "json":
        return JSONResponse(to_json(recording))
    return Response(formats.WRITERS[wanted](recording, name), media_type=MEDIA[wanted])


def _fetch(upload: Upload, url: str, sources: Sources) -> None:
    fetch.fetch(fetch.checked(url, sources), sources, upload.add)
    upload.call_after(fetch.filename(url))


def _finish(request: Request, upload: Upload, key: str | None) -> tuple[dict[str, Any], bool]:
    if key is None:
        return upload.finish()
    caller = request.headers.get("authorization", "")
    query = request.scope["query_string"].decode("latin-1")
    return upload.finish(upload.repeat(caller, request.scope["path"], key, query))


def _intake(request: Request) -> Intake:
    settings = settings_of(request)
    return Intake(settings.max_recording_bytes, settings.max_recordings_waiting, settings.webhook_private)


def _sources(request: Request) -> Sources:
    settings = settings_of(request)
    return Sources(settings.allowed_fetch_hosts, settings.fetch_private, settings.max_recording_bytes)


def _sides(channel: str) -> Sides:
    if channel == "mix" or channel == "split":
        return "mix" if channel == "mix" else "split"
    return int(channel)


def _accepted(accept: str) -> Format | None:
    """The first format that is asked for by its media type; JSON means the whole job."""
    for one in accept.split(","):
        media = one.partition(";")[0].strip().lower()
        for name, known in MEDIA.items():
            if media == known:
                return None if name == "json" else name
    return None
