"""Decoding children come when they are needed and go with whoever needed them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from speakerid.audio.children import pool
from speakerid.audio.children.pool import CORES, Pool
from speakerid.audio.children.wire import ANSWER, FORK, NONE, REQUEST
from speakerid.audio.children.worker import main
from speakerid.audio.decode import decode, stream
from speakerid.audio.limits import RECORDING, cancelled_by
from speakerid.errors import (
    ClientGone,
    DecoderCrashed,
    DecoderKilled,
    DecoderUnavailable,
    DecodingTooCostly,
    Overloaded,
)
from tests.audio.children.processes import children_of, runs
from tests.audio.encode import encode
from tests.audio.voice import synthetic_voice
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
FILE = encode("mp3", synthetic_voice(2.0, 48_000), 16_000)
LONG = encode("mp3", np.tile(synthetic_voice(2.0, 48_000), 60), 16_000)
HOST = """
import sys, time
from speakerid.audio.children import pool
from speakerid.audio.decode import decode
decode(open(sys.argv[1], "rb").read())
print(pool.current()._template._process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    pool.close()
    yield
    pool.close()


def template() -> int:
    decode(FILE)
    found = pool.current()._template
    assert found is not None
    return found._process.pid


def test_one_child_serves_one_caller() -> None:
    before = children_of(template())
    assert len(before) == 1
    for _ in range(20):
        decode(FILE)
    assert children_of(template()) == before


def test_a_warm_pool_has_a_child_for_each_core_and_the_first_file_takes_one_of_them() -> None:
    pool.warm()
    found = pool.current()._template
    assert found is not None
    warm = children_of(found._process.pid)
    assert len(warm) == CORES
    assert children_of(template()) == warm


def test_close_leaves_no_process() -> None:
    parent = template()
    children = children_of(parent)
    pool.close()
    until(lambda: not any(map(runs, {parent, *children})))


def test_no_process_outlives_its_service(tmp_path: Path) -> None:
    (file := tmp_path / "voice.mp3").write_bytes(FILE)
    with subprocess.Popen([sys.executable, "-c", HOST, str(file)], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        parent = int(host.stdout.readline())
        processes = {parent, *children_of(parent)}
        assert len(processes) == 2
        host.kill()
    until(lambda: not any(map(runs, processes)))


def test_cancelled_decodes_leave_no_child() -> None:
    parent = template()
    for _ in range(20 * CORES):
        pieces = stream(LONG, limits=RECORDING)
        next(pieces)
        del pieces
    until(lambda: len(children_of(parent)) <= CORES)
    assert len(decode(FILE)) > 30_000


def test_many_callers_are_all_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pool.WAIT_S, "file", PATIENCE_S)  # more than there are children wait for one
    expected, found = decode(FILE), []
    threads = [threading.Thread(target=lambda: found.append(decode(FILE))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert all(np.array_equal(one, expected) for one in found)
    until(lambda: len(children_of(template())) <= CORES)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (signal.SIGSEGV, DecoderCrashed),
        (signal.SIGABRT, DecoderCrashed),
        (signal.SIGKILL, DecoderKilled),
        (signal.SIGPROF, DecodingTooCostly),
    ],
)
def test_a_child_that_ends_in_the_middle_is_a_named_error(sent: signal.Signals, error: type[Exception]) -> None:
    parent = template()
    pieces = stream(LONG, limits=RECORDING)
    next(pieces)
    (child,) = children_of(parent)
    os.kill(child, sent)
    with pytest.raises(error):
        list(pieces)
    assert len(decode(FILE)) > 30_000


def test_an_idle_child_that_ended_is_replaced() -> None:
    (child,) = children_of(template())
    os.kill(child, signal.SIGKILL)
    until(lambda: not runs(child))
    assert len(decode(FILE)) > 30_000


def test_a_template_that_ended_is_replaced() -> None:
    parent = template()
    (child,) = children_of(parent)
    os.kill(parent, signal.SIGKILL)
    until(lambda: not runs(child))
    assert template() != parent


def test_where_no_process_can_be_made_those_that_are_there_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = template()
    pieces = stream(LONG, limits=RECORDING)
    next(pieces)  # has the only child
    found = pool.current()._template
    monkeypatch.setattr(found, "_ask", lambda verb, *_: NONE)
    with pytest.raises(DecoderUnavailable):
        decode(FILE)
    monkeypatch.undo()
    assert sum(map(len, pieces)) > 1_000_000
    assert template() == parent


def test_a_template_outlives_a_fork_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_place() -> int:
        raise BlockingIOError

    ours, theirs = socket.socketpair()
    with ours, theirs:
        monkeypatch.setattr(os, "fork", no_place)
        thread = threading.Thread(target=main, args=(theirs,))
        thread.start()
        for _ in range(3):
            file = os.open(os.devnull, os.O_RDONLY)
            socket.send_fds(ours, [REQUEST.pack(FORK, 0)], [file])
            os.close(file)
            assert ANSWER.unpack(ours.recv(ANSWER.size)) == (NONE,)
        ours.shutdown(socket.SHUT_WR)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_a_child_that_goes_with_its_template_is_no_fault_of_the_file() -> None:
    parent = template()
    pieces = stream(LONG, limits=RECORDING)
    next(pieces)
    os.kill(parent, signal.SIGKILL)
    assert template() != parent  # another caller needed one first: it knows nothing of the other's children
    with pytest.raises(DecoderUnavailable):
        list(pieces)


def _template_of_a_fork(pipe: multiprocessing.connection.Connection) -> None:
    pipe.send((template(), len(decode(FILE))))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_children_of_its_own() -> None:
    parent, length = template(), len(decode(FILE))
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_template_of_a_fork, args=(theirs,))
    process.start()
    other, found = ours.recv()
    process.join()
    assert (other != parent, found) == (True, length)
    until(lambda: not runs(other))
    assert template() == parent


def test_all_busy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pool.SLOTS, "file", 1)
    monkeypatch.setitem(pool.WAIT_S, "file", 0.2)
    small = Pool()
    with small.child("file", lambda _: None) as child, pytest.raises(Overloaded), small.child("file", print):
        child.fit = True
    with small.child("file", lambda _: None):
        pass
    small.close()


def test_work_ends_when_its_caller_has_left() -> None:
    parent, gone = template(), threading.Event()
    with cancelled_by(gone):
        pieces = stream(LONG, limits=RECORDING)
        next(pieces)
        (child,) = children_of(parent)
        os.kill(child, signal.SIGSTOP)
        gone.set()
        with pytest.raises(ClientGone):
            list(pieces)
    until(lambda: not runs(child))


def test_a_module_that_lies_in_the_current_folder_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "resource.py").write_text("open('it ran', 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])  # as the installed command has it
    decode(FILE)
    assert not (tmp_path / "it ran").exists()


def test_a_child_has_no_files_and_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEAKERID_WEBHOOK_SECRET", "a secret")
    (child,) = children_of(template())
    with open(f"/proc/{child}/environ", "rb") as environment:
        assert b"SPEAKERID" not in environment.read()
    files = [os.readlink(f"/proc/{child}/fd/{one}") for one in os.listdir(f"/proc/{child}/fd")]
    assert sorted(one.partition(":")[0] for one in files) == ["/dev/null"] * 3 + ["socket"]
    with open(f"/proc/{child}/limits") as limits:
        soft = {line[:25].strip(): line[25:].split()[0] for line in limits}
    assert soft["Max file size"] == soft["Max core file size"] == "0"
    assert int(soft["Max open files"]) <= 16
    assert int(soft["Max data size"]) < 400 * 1024**2
