"""How far a recording is, as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from speakerid.api.auth import allow_again, guarded
from speakerid.api.parameters import EngineDep, GalleryDep, StrictRoute
from speakerid.api.routes.recordings import RecordingId, job_of
from speakerid.db.models import GalleryRow
from speakerid.errors import Denied, Overloaded, RecordingNotFound, StoreError
from speakerid.services.engine import Engine
from speakerid.types import RecordingJob, Scope, to_json

router = APIRouter(prefix="/v1/galleries/{gallery}/recordings", tags=["recordings"], route_class=StrictRoute)

SCOPES: tuple[Scope, ...] = ("read", "identify")
LOOK_S = 0.5
STILL_ALLOWED_S = 10.0  # after which it is asked again: the key may be revoked meanwhile
KEEP_ALIVE_S = 15.0  # proxies close what is silent for long
UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would keep events until 4 KiB are there
ENDED = ("done", "failed", "cancelled")
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events until the job has ended",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": "event: progress\ndata: {…}\n\n"}},
    },
    204: {"description": "The last event was seen already; there is no other."},
}
LastEventId = Annotated[str | None, Header(description="What a client that reconnects saw last.", max_length=100)]


@router.get("/{recording_id}/events", response_class=StreamingResponse, **guarded(*SCOPES, also=EVENTS))
async def recording_events(
    request: Request,
    engine: EngineDep,
    gallery: GalleryDep,
    recording_id: RecordingId,
    last_event_id: LastEventId = None,
) -> Response:
    """The job, without its result, now and whenever it changed: `progress`, at last `done`, `failed` or `cancelled`.

    Every event is the whole state, so a client that reconnects misses nothing. `deleted` when it was erased. When
    its key is revoked, the events end within seconds.
    """
    job = await run_in_threadpool(job_of, engine, gallery, recording_id)
    if job.state in ENDED and last_event_id == _mark(job):
        return Response(status_code=204)  # an EventSource stops reconnecting
    events = _events(request, engine, gallery, recording_id, last_event_id)
    return StreamingResponse(events, media_type="text/event-stream", headers=UNBUFFERED)


async def _events(
    request: Request, engine: Engine, gallery: GalleryRow, recording_id: str, seen: str | None
) -> AsyncIterator[str]:
    silent_s, asked_s = 0.0, 0.0
    while not request.app.state.stopping:
        try:
            if asked_s >= STILL_ALLOWED_S:
                asked_s = 0.0
                await run_in_threadpool(allow_again, request, *SCOPES)
            job = await run_in_threadpool(job_of, engine, gallery, recording_id)
        except RecordingNotFound:
            yield _event("deleted", "deleted", "{}")
            return
        except (StoreError, Overloaded, Denied):
            return  # the client reconnects, and gets the reason as an answer
        if _mark(job) != seen:
            seen, silent_s = _mark(job), 0.0
            yield _event(job.state if job.state in ENDED else "progress", seen, json.dumps(to_json(job)))
        if job.state in ENDED:
            return
        await anyio.sleep(LOOK_S)
        silent_s, asked_s = silent_s + LOOK_S, asked_s + LOOK_S
        if silent_s >= KEEP_ALIVE_S:
            silent_s = 0.0
            yield ": still here\n\n"


def _mark(job: RecordingJob) -> str:
    return "-".join([job.state, job.stage or "", str(job.progress), str(job.cancelling)])


def _event(name: str, mark: str, data: str) -> str:
    return f"event: {name}\nid: {mark}\ndata: {data}\n\n"
