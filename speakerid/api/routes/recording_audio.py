"""The audio of recordings, where their gallery keeps it: to be heard, and to be seen as a waveform."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from speakerid.api.auth import allow
from speakerid.api.long_work import audio_work
from speakerid.api.parameters import ChannelDep, EngineDep, GalleryDep, StrictRoute
from speakerid.api.problems import problems
from speakerid.api.routes.recordings import RecordingId
from speakerid.errors import InvalidRequest
from speakerid.services.recordings import playback
from speakerid.services.recordings.playback import MAX_CLIP_S, Stretch
from speakerid.types import Key, RecordingPeaks

router = APIRouter(
    prefix="/v1/galleries/{gallery}/recordings/{recording_id}", tags=["recordings"], route_class=StrictRoute
)
LISTENER = allow("read")
Listener = Annotated[Key | None, LISTENER]
DAY_S = 24 * 3600.0
Start = Annotated[float, Query(ge=0, le=DAY_S, description="In seconds from the start of the recording.")]
End = Annotated[float | None, Query(gt=0, le=DAY_S, description="Where to stop, in seconds.")]
Voice = Annotated[
    str | None,
    Query(
        description="Only where this voice of the recording speaks, and alone where it ever does: its longest turns.",
        max_length=64,
    ),
]
Most = Annotated[float, Query(gt=0, le=MAX_CLIP_S, description="Most seconds of audio in the answer.")]
Points = Annotated[int, Query(ge=1, le=10_000, description="How many peaks.")]
WAV: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Mono WAV, 16 bits at 16 kHz",
        "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get(
    "/audio",
    response_class=Response,
    responses=WAV | problems(401, 403, 404, 409, 413, 415, 422, 429),
    dependencies=[LISTENER],
)
async def recording_audio(
    request: Request,
    listener: Listener,
    engine: EngineDep,
    gallery: GalleryDep,
    recording_id: RecordingId,
    channel: ChannelDep,
    start: Start = 0.0,
    end: End = None,
    voice: Voice = None,
    seconds: Most = MAX_CLIP_S,
) -> Response:
    """A stretch of a recording, or what one of its voices says, as a WAV file.

    Only where the gallery keeps audio (404 `recording_audio_not_kept` elsewhere). It is decoded from the beginning:
    the later the stretch, the longer it takes.
    """
    stop = DAY_S if end is None else end
    if stop <= start:
        raise InvalidRequest("'end' is not after 'start'. Both are seconds from the start of the recording.")
    wanted = Stretch(start, stop, voice, channel, seconds)
    work = partial(playback.clip, engine, gallery, recording_id, wanted)
    return Response(await audio_work(request).run(request, listener, work), media_type="audio/wav")


@router.get("/peaks", responses=problems(401, 403, 404, 413, 415, 422, 429), dependencies=[LISTENER])
async def recording_peaks(
    request: Request,
    listener: Listener,
    engine: EngineDep,
    gallery: GalleryDep,
    recording_id: RecordingId,
    points: Points = 1000,
) -> RecordingPeaks:
    """How loud a recording is where: what a waveform is drawn of. Only where the gallery keeps audio."""
    work = partial(playback.peaks, engine, gallery, recording_id, points)
    return await audio_work(request).run(request, listener, work)
