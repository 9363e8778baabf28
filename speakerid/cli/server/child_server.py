"""The real service as a child process, for as long as a block runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from speakerid.errors import SpeakeridError

START_S = 120.0  # a large SpeechBrain model takes long to load
STOP_S = 40.0
ANNOUNCEMENT = "Listening on "
MODELS = "SPEAKERID_MODELS"


class ServiceFailed(SpeakeridError, code="service_failed"):
    def __init__(self) -> None:
        super().__init__("The service did not start. The lines above say why.")


@contextmanager
def running(store: Path, encoder: str, **settings: str) -> Iterator[str]:
    """The URL of a service on a free loopback port. Raises ServiceFailed. The child never outlives the block.

    `settings` go into its environment, such as `SPEAKERID_MODELS`.
    """
    command = [sys.executable, "-P", "-m", "speakerid.cli", "serve", "--host", "127.0.0.1", "--port", "0"]
    command += ["--store", str(store), "--encoder", encoder]
    before = signal.signal(signal.SIGTERM, _leave)  # its default would end this process and leave the child behind
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=plain_environment() | settings)
    try:
        yield wait_for_url(child)
    finally:
        stop(child)
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def plain_environment() -> dict[str, str]:
    """Without the operator's own settings: they are for the operator's own server. Models are the machine's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPEAKERID_")}
    return kept | {name: os.environ[name] for name in (MODELS,) if name in os.environ}


def wait_for_url(child: subprocess.Popen[str]) -> str:
    """Its URL, once it accepts. Raises ServiceFailed."""
    assert child.stdout is not None
    patience = Timer(START_S, child.kill)
    patience.start()
    try:
        line = child.stdout.readline()
    finally:
        patience.cancel()
    if not line.startswith(ANNOUNCEMENT):
        raise ServiceFailed
    return line.removeprefix(ANNOUNCEMENT).strip()


def stop(child: subprocess.Popen[str]) -> None:
    """Politely, then not."""
    child.terminate()
    try:
        child.communicate(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
