"""`speakerid serve` and `speakerid worker`."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.console import emit
from speakerid.cli.options import EncoderOption, Store, read_settings, with_options
from speakerid.errors import SettingsError

if TYPE_CHECKING:
    from speakerid.cli.server.uvicorn_server import BoundSocket
    from speakerid.services.bookkeeping import Notes
    from speakerid.services.engine import Engine, Traces
    from speakerid.settings import Settings

logger = logging.getLogger(__name__)

# Python handles a signal when the main thread runs, and the system may give it to another thread: one of a process that
# was stopped and went on, for example.
WAKE_S = 1.0


@dataclass(frozen=True)
class Serving(Store):
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on. [env: SPEAKERID_HOST; default: 127.0.0.1]")
    ] = None
    port: Annotated[
        int | None, typer.Option("--port", help="0 takes a free one. [env: SPEAKERID_PORT; default: 8700]")
    ] = None
    encoder: EncoderOption = None
    workers: Annotated[
        int | None,
        typer.Option("--workers", help="Processes that embed, one a core. [env: SPEAKERID_WORKERS; default: 1]"),
    ] = None
    access_log: Annotated[
        bool, typer.Option("--access-log", help="A line for each request on stderr, as SPEAKERID_LOG_FORMAT=json has.")
    ] = False


@with_options
def serve(options: Serving) -> None:
    """Run the HTTP service until SIGTERM or Ctrl-C.

    One line on stdout says where it listens, once it accepts. Without keys only a loopback address is served.
    Exit code 2 when the settings do not allow a start, for example a port in use.
    """
    # Inside, for a quick --help. It loads no torch unless the encoder is a SpeechBrain model.
    from speakerid.cli.server.uvicorn_server import bind

    settings = read_settings(
        host=options.host,
        port=options.port,
        store=options.store,
        encoder=options.encoder,
        workers=options.workers,
    )
    requests = options.access_log or settings.log_format == "json"
    with (
        logged(settings, requests=requests) as traces,
        bind(settings.host, settings.port) as listener,
        ready_engine(settings, traces) as engine,
    ):
        _run(engine, settings, listener, options)


@contextmanager
def ready_engine(settings: Settings, traces: Traces) -> Iterator[Engine]:
    """One that may serve, with all loaded that the first request would wait for.

    Raises SettingsError, StoreError, EncoderError, and what `_warm_up` does.
    """
    from speakerid.bootstrap import build_engine, with_other_encoders, with_workers
    from speakerid.db.erasure import BRIEFLY

    engine = build_engine(settings, effort=BRIEFLY, traces=traces)  # the scrubber does the rest
    try:
        engine = with_other_encoders(engine, settings)
        engine.database.require_writable()
        refuse_open_bind(engine, settings)
        engine = with_workers(engine, settings)
        _warm_up(engine)
        yield engine
    finally:
        engine.close()


@contextmanager
def logged(settings: Settings, *, requests: bool = False) -> Iterator[Traces]:
    """Set up the log, and whatever traces the environment asks for."""
    from speakerid.cli.server.log_lines import set_up_log
    from speakerid.cli.server.tracing import collected, obstacle

    with collected() as traces:
        set_up_log(settings.log_format, traces.ids, requests=requests)
        if (why_not := obstacle()) is not None:
            logger.warning(why_not)
        hint_at_better_encoder(settings)
        yield traces


def hint_at_better_encoder(settings: Settings) -> None:
    """One line on stderr where the best encoder was not fetched."""
    from speakerid.encoders.registry import better_encoder

    hint = better_encoder(settings.encoder, settings.models_folder)
    if hint and settings.log_format == "json":
        logger.warning(hint)
    elif hint:
        typer.echo(hint, err=True)


def refuse_open_bind(engine: Engine, settings: Settings) -> None:
    """Raises SettingsError when other machines could reach a server that no key protects."""
    from speakerid.services import keys

    if settings.loopback:
        return
    with engine.read() as db:
        if keys.exist(db):
            return
    raise SettingsError(
        f"{settings.host} can be reached from other machines, and the store has no key. Make one with "
        f"'speakerid keys create NAME --scope admin --store {_shown(settings.store)}', or listen on 127.0.0.1."
    )


def _shown(store: str) -> str:
    """A URL may hold a password."""
    return "URL" if "://" in store else store


def _warm_up(engine: Engine) -> None:
    """Load what the first request would wait for.

    Raises EncoderFailed, DecoderUnavailable, TranscriberUnusable, ExtraMissing, EncoderWorkersFailed when one does
    not work.
    """
    import numpy as np

    from speakerid.audio.children import pool

    if engine.transcriber is not None:
        engine.transcriber.load()
    if engine.workers is None:  # else they decode, and what this process decodes now and then starts when it comes
        pool.warm()
    for one in engine.each:
        one.indexes.load_all()
        samples = max(one.encoder.min_samples, one.encoder.sample_rate_hz)
        one.encoder.embed([np.random.default_rng(0).standard_normal(samples).astype(np.float32) * np.float32(0.1)])
    if engine.workers is not None:
        engine.workers.wait_until_ready()


def _run(engine: Engine, settings: Settings, listener: BoundSocket, options: Serving) -> None:
    from speakerid.api.app import create_app
    from speakerid.cli.server.uvicorn_server import Server

    def announce() -> None:
        if options.as_json:
            emit({"url": listener.url})
        else:
            typer.echo(f"Listening on {listener.url}")
        # A third of a second that whoever asks for a path that is not there would wait for, and all others with them.
        threading.Thread(target=app.openapi, name="openapi", daemon=True).start()

    app = create_app(engine, settings)
    server = Server(app, announce)
    with work_beside(engine, settings, app.state.notes):
        server.run_on(listener)


@contextmanager
def work_beside(engine: Engine, settings: Settings, notes: Notes) -> Iterator[None]:
    """What a server does besides answering requests, which leave `notes`."""
    from speakerid.bootstrap import build_mover, build_worker
    from speakerid.cli.server.recording_process import RecordingProcess
    from speakerid.services.bookkeeping import Bookkeeper
    from speakerid.services.follower import Follower
    from speakerid.services.scrubber import Scrubber

    jobs = settings.recording_workers
    with ExitStack() as ending:  # which is gone on with when it is interrupted
        for one in (
            Follower(engine),
            Bookkeeper(engine, notes, settings.access_log_days),
            Scrubber(engine),
            build_mover(engine, jobs),
            build_worker(engine, settings, 0, webhooks=jobs > 0),
            RecordingProcess(engine, settings),  # stopped first: no process is left behind
        ):
            ending.callback(one.stop)
            one.start()
        yield


@dataclass(frozen=True)
class Working(Store):
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Recordings at a time.")] = 1
    encoder: EncoderOption = None


@with_options
def worker(options: Working) -> None:
    """Work on the recordings that were sent to a server, until SIGTERM or Ctrl-C.

    Any number of workers, on any number of machines, share the store's queue. What one is working on when it stops
    is begun anew by another.
    """
    from speakerid.bootstrap import build_engine, build_mover, build_worker, with_other_encoders
    from speakerid.db.erasure import BRIEFLY
    from speakerid.services.follower import Follower
    from speakerid.services.scrubber import Scrubber

    settings = read_settings(store=options.store, encoder=options.encoder)
    ending = threading.Event()
    with logged(settings) as traces:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ending.set())
        engine = build_engine(settings, effort=BRIEFLY, access="change", traces=traces)  # the scrubber does the rest
        try:
            engine = with_other_encoders(engine, settings)
            engine.database.require_writable()
            jobs = build_worker(engine, settings, options.jobs), build_mover(engine, options.jobs)
            beside = (*jobs, Scrubber(engine), Follower(engine))
            for one in beside:
                one.start()
            typer.echo("Waiting for recordings")
            while not ending.wait(WAKE_S):
                pass
            for one in beside:
                one.stop()
        finally:
            engine.close()
