"""Recordings whose process was killed while they came in: erased by who looks next, and their share is free."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from speakerid.db.models import RecordingRow
from speakerid.db.repositories import recordings
from speakerid.errors import RecordingNotFound
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.recordings import audio as stored_audio
from speakerid.services.recordings import erase, submit
from speakerid.services.recordings.submit import Intake, RecordingRequest, receiving
from speakerid.services.recordings.worker import Worker
from tests.services.recorded import MEETING, let_lease_run_out, pieces, rows, send
from tests.waiting import until

ONE = Intake(max_waiting=1)


@pytest.fixture(scope="module")
def ended_process() -> str:
    """How a process that has ended called itself."""
    shown = "from speakerid.services.recordings.audio import this_process; print(this_process())"
    found = subprocess.run([sys.executable, "-c", shown], check=True, capture_output=True, text=True).stdout.strip()
    if not found.partition("/")[0]:
        pytest.skip("this system does not tell of its processes")
    return found


def half_received(engine: Engine, by: str) -> None:
    """A recording of which two pieces have come from the process `by`, which did not live to clear up."""
    upload = submit._begin(engine, galleries.get(engine, "default"), RecordingRequest(), ONE, None)
    upload.add(bytes(2_500_000))
    with engine.write() as db:
        db.execute(update(RecordingRow).values(worker=by))


def test_a_process_that_is_gone_is_known(ended_process: str) -> None:
    mine = stored_audio.this_process()
    machine, pid, started = mine.split("/")
    assert (len(mine) <= 64, pid, stored_audio.is_gone(mine)) == (True, str(os.getpid()), False)
    assert stored_audio.is_gone(ended_process)
    assert stored_audio.is_gone(f"{machine}/{pid}/{int(started) + 1}")  # another had this number before
    for unknown in (None, "", "elsewhere/1/1", "wrk_01", f"{machine}/x/1"):
        assert not stored_audio.is_gone(unknown)


def test_a_child_that_no_one_waited_for_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    machine, _, _ = stored_audio.this_process().split("/")
    name = f"{machine}/{child.pid}/{stored_audio._started(child.pid)}"
    assert not stored_audio.is_gone(name)
    child.kill()
    until(lambda: not stored_audio._started(child.pid))
    assert stored_audio.is_gone(name)
    child.communicate()


def test_what_a_killed_process_began_is_erased_at_once(engine: Engine, ended_process: str) -> None:
    half_received(engine, ended_process)
    assert (rows(engine), pieces(engine)) == (1, 2)
    erase.leftovers(engine)
    assert (rows(engine), pieces(engine)) == (0, 0)
    assert send(engine, MEETING, intake=ONE)


def test_what_still_comes_in_is_left_alone(engine: Engine) -> None:
    half_received(engine, stored_audio.this_process())
    half = (rows(engine), pieces(engine))
    erase.leftovers(engine)
    assert (rows(engine), pieces(engine)) == half == (1, 2)


def test_of_another_machine_it_is_erased_when_nothing_came_for_long(engine: Engine) -> None:
    half_received(engine, "elsewhere/1/1")
    erase.leftovers(engine)
    assert rows(engine) == 1
    let_lease_run_out(engine)
    erase.leftovers(engine)
    assert (rows(engine), pieces(engine)) == (0, 0)


def test_a_server_without_workers_clears_up_too(engine: Engine, ended_process: str) -> None:
    half_received(engine, ended_process)
    worker = Worker(engine, 0)
    worker.start()
    until(lambda: not rows(engine))
    worker.stop()
    assert (rows(engine), pieces(engine)) == (0, 0)


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_a_process_beside_the_server_leaves_clearing_up_to_it(engine: Engine) -> None:
    before, worker = set(threading.enumerate()), Worker(engine, 1, clears=False)
    worker.start()
    begun = set(threading.enumerate()) - before
    worker.stop()
    assert {one.name for one in begun} == {"recordings-0"}


def test_bytes_that_come_slowly_keep_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "RENEW_S", 0.0)
    with receiving(engine, galleries.get(engine, "default"), RecordingRequest(), ONE) as upload:
        let_lease_run_out(engine)
        upload.add(b"x")
        with engine.read() as db:
            row = recordings.by_key(db, upload.key)
            assert row is not None
            assert row.lease_until is not None
            assert row.lease_until > recordings.clock(db) + recordings.UPLOAD_LEASE - timedelta(seconds=30)
        with engine.write() as db:
            db.query(RecordingRow).delete()
        with pytest.raises(RecordingNotFound):
            upload.add(b"x")
