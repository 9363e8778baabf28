"""Assemble the HTTP service."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

import speakerid
from speakerid.api import console, errors, long_work, metrics, reference
from speakerid.api.admission import Admission, at_a_time
from speakerid.api.bodies import Bodies
from speakerid.api.limits import KeyThrottle, Shares
from speakerid.api.middleware import DisconnectWatch, Methods, PlainPaths, RequestId, allow_origins
from speakerid.api.observation import Observation, RequestCounts
from speakerid.api.problems import describe_problems
from speakerid.api.rates import KeyRates
from speakerid.api.routes import (
    access_log,
    classifiers,
    galleries,
    health,
    huggingface,
    identify,
    keys,
    moving,
    recording_audio,
    recording_events,
    recordings,
    speakers,
    stream,
    transcriptions,
    unknowns,
    upkeep,
)
from speakerid.errors import Overloaded
from speakerid.services.bookkeeping import Notes
from speakerid.services.engine import Engine
from speakerid.settings import Settings

DESCRIPTION = """Enroll a speaker once; recognize them in any later audio; answer "unknown" when they are not enrolled.

`score` is raw cosine, `llr` a calibrated natural-log likelihood ratio, `probability` that it is this speaker
and not whoever else it most likely is: exactly what is accepted has one half or more.
Every error is a problem document (RFC 9457) with a stable `code` and a sentence that says what to do."""

ROUTERS = (  # the first are found first: those that are asked for most
    identify.router,
    speakers.utterances,
    identify.other_uses,
    health.router,
    metrics.router,
    console.router,
    reference.router,
    huggingface.router,
    galleries.router,
    moving.router,
    speakers.router,
    upkeep.router,
    recordings.router,
    recording_events.router,
    recording_audio.router,
    unknowns.router,
    unknowns.of_recordings,
    stream.router,
    classifiers.router,
    transcriptions.router,
    keys.router,
    access_log.router,
)


def create_app(engine: Engine, settings: Settings) -> FastAPI:
    """The service over `engine`. Unless it listens on a loopback address alone, every request needs a key."""
    app = FastAPI(
        title="speakerid",
        version=speakerid.__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # `reference` answers it
        redirect_slashes=False,
        # FastAPI's own traces have paths and queries, which hold names and ids; ours are `engine.traces`.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.state.engine = engine
    app.state.settings = settings
    app.state.require_key = not settings.loopback
    app.state.stopping = False  # streams of events end
    app.state.key_throttle = KeyThrottle()
    app.state.key_rates = KeyRates()
    app.state.notes = Notes()  # for whoever keeps the books
    app.state.gallery_work = long_work.galleries()
    app.state.result_work = long_work.results()
    app.state.audio_work = long_work.audio()
    app.state.transcription_work = long_work.transcriptions(max(settings.recording_workers, 1))
    app.state.exports = long_work.exports()
    app.state.streams = Shares(settings.max_streams, full=partial(Overloaded, 10))
    app.state.body_memory = Shares(
        max(settings.max_body_memory_bytes, settings.max_body_bytes), least=settings.max_body_bytes
    )
    app.add_middleware(
        Bodies,
        max_audio_bytes=settings.max_body_bytes,
        max_recording_bytes=settings.max_recording_bytes,
        memory=app.state.body_memory,
        admission=Admission(settings.max_wait_s, at_a_time(settings.workers)),
    )
    app.add_middleware(Methods, app)
    app.add_middleware(DisconnectWatch)
    app.state.request_counts = RequestCounts()
    app.add_middleware(Observation, app)
    app.add_middleware(RequestId)
    app.add_middleware(PlainPaths)
    allow_origins(app, settings.allowed_origins)
    errors.install(app)
    describe_problems(app)
    # Not `include_router`: routes inside of others are looked through twice, which takes as long as the search.
    app.router.routes += [route for router in ROUTERS for route in router.routes]
    return app
