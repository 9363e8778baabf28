"""The process that works on a real server's recordings: below it, counted by it, and gone with it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import httpx
import numpy as np
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from speakerid.audio.decode import decode
from speakerid.cli.server import recording_process
from speakerid.cli.server.recording_process import NICENESS, RecordingProcess
from speakerid.client import Client
from speakerid.db.models import RecordingRow
from speakerid.db.repositories import recordings
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from tests.audio.encode import soundfile_bytes
from tests.cli.command import Command
from tests.sampled import ADA, probe
from tests.services.recorded import MEETING, claim, send
from tests.waiting import PATIENCE_S, until


@contextmanager
def serving(store: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL."""
    serve = [sys.executable, "-m", "speakerid.cli", "serve", "--encoder", "fake", "--port", "0"]
    with subprocess.Popen([*serve, "--store", str(store)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().removeprefix("Listening on ").strip()
        finally:
            process.kill()


def worker_of(server: int) -> int:
    """The process that works on its recordings."""
    (found,) = (
        int(one.name)
        for one in Path("/proc").iterdir()
        if one.name.isdigit() and _arguments(one)[-3:-1] == [recording_process.__name__, str(server)]
    )
    return found


def _arguments(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_bytes().decode().split("\0")[:-1]
    except OSError:  # it has just ended
        return []


def gone(pid: int) -> bool:
    return not _arguments(Path(f"/proc/{pid}"))


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


@pytest.mark.slow
@needs_proc
def test_recordings_are_worked_on_below_the_server_and_counted_by_it(enrolled: Command) -> None:
    with serving(enrolled.store) as (server, url), Client(url) as client:
        answer = client.recording(MEETING)
        worker = worker_of(server.pid)
        counted = httpx.get(f"{url}/metrics", timeout=PATIENCE_S).text.splitlines()
        niceness = os.getpriority(os.PRIO_PROCESS, worker) - os.getpriority(os.PRIO_PROCESS, server.pid)
        server.kill()
        until(lambda: gone(worker))
    assert {voice.speaker.name for voice in answer.voices if voice.speaker} >= {ADA}
    decisions = [line.rpartition(" ")[2] for line in counted if line.startswith("speakerid_decisions_total{")]
    assert sum(map(float, decisions)) == len(answer.voices)
    assert niceness == min(NICENESS, 19 - os.getpriority(os.PRIO_PROCESS, 0))


@pytest.mark.slow
@needs_proc
def test_a_server_that_is_stopped_gives_back_what_is_worked_on(empty: Command) -> None:
    once = decode(probe(ADA))
    long = soundfile_bytes(np.tile(once, 5 * 60 * 16_000 // len(once)), 16_000, "FLAC")
    with serving(empty.store) as (server, url), Client(url) as client:
        job = client.send_recording(long)
        until(lambda: client.recording_job(job.id).progress > 5)
        worker = worker_of(server.pid)
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE_S) == 0
        assert gone(worker)
    with serving(empty.store) as (_, url), Client(url) as client:
        until(lambda: client.recording_job(job.id).state == "done")


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def test_a_process_that_fails_is_begun_anew(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    monkeypatch.setattr(recording_process, "AGAIN_S", 0.01)
    working = RecordingProcess(engine, Settings())
    with caplog.at_level(logging.ERROR):
        working.start()
        assert not caplog.records  # nothing waits
        made = send(engine)
        until(lambda: len(caplog.records) > 1)
        working.stop()
    assert "begins anew" in caplog.text
    with engine.read() as db:
        row = db.get(RecordingRow, 1)
        assert row is not None
        assert (row.id, row.state, row.attempts) == (made, "queued", 0)


STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


class Stubborn(subprocess.Popen[str]):
    """A process that begins with a recording, and never ends by itself."""

    begun: ClassVar[list[Stubborn]]
    process_name: str

    def __init__(self, command: list[str], **options: Any) -> None:
        super().__init__([sys.executable, "-c", STUBBORN], **options)
        self.process_name = command[-1]
        assert self.stdout is not None
        assert self.stdout.readline() == "deaf\n"
        self.begun.append(self)


@pytest.fixture
def working(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingProcess]:
    """With a recording that its process works on, and one that another replica does."""
    monkeypatch.setattr(Stubborn, "begun", [], raising=False)
    monkeypatch.setattr(subprocess, "Popen", Stubborn)
    monkeypatch.setattr(recording_process, "LEAVE_S", 0.1)
    monkeypatch.setattr(recording_process, "AGAIN_S", 0.01)
    monkeypatch.setattr(recordings, "LEASE", timedelta(hours=1))  # nobody renews it
    send(engine)
    made = RecordingProcess(engine, Settings())
    made.start()
    until(lambda: bool(Stubborn.begun))
    claim(engine, f"{Stubborn.begun[0].process_name}/recordings-0")
    send(engine)
    claim(engine, "wrk_elsewhere/recordings-0")
    yield made
    made.stop()


def jobs(engine: Engine) -> list[tuple[str, int, bool]]:
    """Of each recording its state and attempts, and whether nobody else may have it."""
    with engine.read() as db:
        at, rows = recordings.clock(db), db.scalars(select(RecordingRow).order_by(RecordingRow.key))
        return [(row.state, row.attempts, row.lease_until is not None and row.lease_until > at) for row in rows]


HELD = ("running", 1, True)


def test_what_a_process_that_was_killed_had_is_taken_back_at_once(engine: Engine, working: RecordingProcess) -> None:
    assert jobs(engine) == [HELD, HELD]
    Stubborn.begun[0].send_signal(signal.SIGKILL)
    until(lambda: jobs(engine)[0] != HELD)
    assert jobs(engine) == [("running", 1, False), HELD]  # and an attempt less, for whoever begins with it
    until(lambda: len(Stubborn.begun) > 1)
    assert claim(engine, f"{Stubborn.begun[1].process_name}/recordings-0").attempts == 1 + recordings.ATTEMPTS_IF_LOST


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_process_that_does_not_end_is_killed(engine: Engine, working: RecordingProcess, is_stopped: bool) -> None:
    if is_stopped:
        Stubborn.begun[0].send_signal(signal.SIGSTOP)
    working.stop()
    assert Stubborn.begun[0].returncode == -signal.SIGKILL
    assert jobs(engine) == [("queued", 0, False), HELD]


def test_a_stop_that_is_interrupted_leaves_no_process(
    working: RecordingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Stubborn.begun[0]

    def interrupted(timeout: float | None = None) -> int:
        if timeout is not None:
            raise KeyboardInterrupt
        return subprocess.Popen.wait(process)

    with monkeypatch.context() as patch:  # so that no other wait is interrupted
        patch.setattr(process, "wait", interrupted)  # the terminal's Ctrl-C
        with pytest.raises(KeyboardInterrupt):
            working.stop()
    until(lambda: working._process is None)
    assert process.returncode == -signal.SIGKILL


def test_without_workers_nothing_is_begun(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    send(engine)
    working = RecordingProcess(engine, Settings(recording_workers=0))
    working.start()
    working.stop()


def test_it_has_every_setting_of_the_server_wherever_that_has_it_from(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Settings(
        store="voices.db",
        other_encoders="ecapa-mini",
        models=Path("models"),
        max_recording_seconds=60.5,
        webhook_secret=SecretStr("of the server alone"),
    )
    for name, value in RecordingProcess(engine, given)._environment().items():
        monkeypatch.setenv(name, value)
    assert Settings().model_dump(exclude={"webhook_secret"}) == given.model_dump(exclude={"webhook_secret"})
    assert Settings().webhook_secret is None
