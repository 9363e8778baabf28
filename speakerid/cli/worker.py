"""`speakerid worker`."""

from __future__ import annotations

import logging
import signal
import threading
from dataclasses import dataclass
from typing import Annotated

import typer

from speakerid.cli.options import Store, with_options
from speakerid.cli.settings import read_settings

# Python handles a signal when the main thread runs, and the system may give it to another thread: one of a process that
# was stopped and went on, for example.
WAKE_S = 1.0


@dataclass(frozen=True)
class Working(Store):
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Recordings at a time.")] = 1
    encoder: Annotated[
        str | None, typer.Option("--encoder", help="default, campplus, a .onnx file, … [env: SPEAKERID_ENCODER]")
    ] = None


@with_options
def worker(options: Working) -> None:
    """Work on the recordings that were sent to a server, until SIGTERM or Ctrl-C.

    Any number of workers, on any number of machines, share the store's queue. What one is working on when it stops
    is begun anew by another.
    """
    from speakerid.bootstrap import build_engine, build_worker
    from speakerid.cli.serve import tell_of_better
    from speakerid.cli.uvicorn_server import LOG_FORMAT
    from speakerid.db.erasure import BRIEFLY
    from speakerid.services.scrubber import Scrubber

    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT)
    settings = read_settings(store=options.store, encoder=options.encoder)
    tell_of_better(settings)
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    engine = build_engine(settings, effort=BRIEFLY)  # the scrubber does the rest
    try:
        running, scrubber = build_worker(engine, settings, options.jobs), Scrubber(engine)
        running.start()
        scrubber.start()
        typer.echo("Waiting for recordings")
        while not ending.wait(WAKE_S):
            pass
        running.stop()
        scrubber.stop()
    finally:
        engine.close()
