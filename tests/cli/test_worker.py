"""Real processes that share the queue of one store: killed, stopped, and taken over."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from speakerid.audio.decode import decode
from speakerid.db.models import RecordingRow
from speakerid.db.repositories.recordings import ATTEMPTS_IF_LOST
from speakerid.services.engine import Engine
from tests.audio.encode import soundfile_bytes
from tests.sampled import ADA, probe
from tests.services.recorded import let_lease_run_out, look, pieces, send
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow
READY = "Waiting for recordings\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def long_recording() -> bytes:
    """Five minutes of one voice: some seconds of work."""
    once = decode(probe(ADA))
    return soundfile_bytes(np.tile(once, 5 * 60 * 16_000 // len(once)), 16_000, "FLAC")


@contextmanager
def worker(store: str) -> Iterator[subprocess.Popen[str]]:
    """Ready to work; killed at the end, if it still runs."""
    command = [sys.executable, "-m", "speakerid.cli", "worker", "--store", store, "--encoder", "fake"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == READY
            yield process
        finally:
            process.kill()


def attempts(engine: Engine) -> int:
    with engine.read() as db:
        row = db.get(RecordingRow, 1)
        assert row is not None
        return row.attempts


def test_another_process_finishes_what_a_killed_one_began(
    engine: Engine, store_url: str, long_recording: bytes
) -> None:
    made = send(engine, long_recording)
    with worker(store_url) as first:
        until(lambda: look(engine, made).progress > 20)
        first.send_signal(signal.SIGKILL)
        first.wait(PATIENCE_S)
    assert look(engine, made).state == "running"  # not known yet
    let_lease_run_out(engine)  # which takes half a minute
    with worker(store_url) as second:
        until(lambda: look(engine, made).state == "done")
        until(lambda: pieces(engine) == 0)  # erased after the answer is there, by the worker that gave it
        assert second.poll() is None
    found = look(engine, made).result
    assert found is not None
    assert found.seconds == pytest.approx(5 * 60, abs=10)
    assert attempts(engine) == 1 + ATTEMPTS_IF_LOST


def test_a_process_that_is_stopped_gives_its_job_back_at_once(
    engine: Engine, store_url: str, long_recording: bytes
) -> None:
    made = send(engine, long_recording)
    with worker(store_url) as first:
        until(lambda: look(engine, made).progress > 10)
        first.send_signal(signal.SIGTERM)
        assert first.wait(PATIENCE_S) == 0
    assert (look(engine, made).state, attempts(engine)) == ("queued", 0)


@pytest.mark.skipif(sys.platform != "linux", reason="threads are looked up in /proc")
def test_a_signal_that_another_thread_was_given_ends_it(engine: Engine, store_url: str) -> None:
    with worker(store_url) as only:
        threads = [int(one.name) for one in Path(f"/proc/{only.pid}/task").iterdir()]
        other = next(one for one in threads if one != only.pid)
        assert ctypes.CDLL(None).tgkill(only.pid, other, signal.SIGTERM) == 0
        assert only.wait(PATIENCE_S) == 0


def test_a_frozen_process_does_no_harm_when_it_comes_back(
    engine: Engine, store_url: str, long_recording: bytes
) -> None:
    made = send(engine, long_recording)
    with worker(store_url) as first:
        until(lambda: look(engine, made).progress > 20)
        first.send_signal(signal.SIGSTOP)
        let_lease_run_out(engine)
        with worker(store_url):
            until(lambda: look(engine, made).state == "done")
            answered = look(engine, made)
            first.send_signal(signal.SIGCONT)
            first.send_signal(signal.SIGTERM)
            assert first.wait(PATIENCE_S) == 0
    assert (look(engine, made), attempts(engine)) == (answered, 1 + ATTEMPTS_IF_LOST)
