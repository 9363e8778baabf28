"""What an encoder process does with the frames that come, without a process around it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pytest

from speakerid.audio.children.wire import Gone, ProtocolViolation
from speakerid.audio.limits import check_not_cancelled
from speakerid.errors import ClientGone, EncoderFailed, Overloaded, UnsupportedAudio
from speakerid.services.encoder_workers.process import CancelWatch, EncoderBench, serve
from speakerid.services.encoder_workers.wire import (
    EncoderJob,
    WorkerFrame,
    WorkerWire,
    answer_frame,
    read_answer,
)
from speakerid.services.encoder_workers.worker import _error
from speakerid.services.probe import EmbeddedUtterance, ProbeOptions
from speakerid.types import Speech
from tests.waiting import PATIENCE_S

JOB = EncoderJob("f1", ProbeOptions(needed_s=0.5), steps=False)
FOUND = EmbeddedUtterance(
    seconds=3.0,
    speech=Speech(2.5, None, 0.0, 8000),
    lost_s=0.25,
    peak=0.5,
    fingerprint=b"\x01\xff",
    embedding=np.arange(4, dtype=np.float32),
    windows=np.arange(8, dtype=np.float32).reshape(2, 4),
)


@dataclass
class Bench:
    """Fails as it is told."""

    error: Exception | None = None
    broken: bool = False
    heard: list[bytes] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)
    until_cancelled: bool = False

    def embedded(self, job: EncoderJob, audio: bytes) -> EmbeddedUtterance:
        self.heard.append(audio)
        self.entered.set()
        while self.until_cancelled:
            check_not_cancelled()
        if self.error is not None:
            raise self.error
        return FOUND

    def works(self, fingerprint: str) -> bool:
        return not self.broken


@dataclass
class Served:
    wire: WorkerWire
    thread: threading.Thread

    def ask(self, audio: bytes = b"audio") -> tuple[WorkerFrame, bytearray]:
        self.wire.send(WorkerFrame.JOB, *JOB.frame(audio))
        return self.wire.receive()

    def code(self) -> str:
        kind, payload = self.ask()
        assert kind == WorkerFrame.ERROR
        return str(json.loads(payload)["code"])


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def served(bench: Bench) -> Iterator[Served]:
    ours, theirs = socket.socketpair()

    def run() -> None:
        with theirs, suppress(Gone):
            serve(WorkerWire(theirs), theirs, bench)  # type: ignore[arg-type]  # what it needs of one

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    with ours:
        yield Served(WorkerWire(ours), thread)
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_an_answer_crosses_the_connection_whole(served: Served) -> None:
    kind, payload = served.ask()
    assert kind == WorkerFrame.ANSWER
    found = read_answer(payload)
    assert (found.seconds, found.speech, found.lost_s, found.peak) == (3.0, FOUND.speech, 0.25, 0.5)
    assert (found.fingerprint, found.samples) == (b"\x01\xff", None)
    np.testing.assert_array_equal(found.embedding, FOUND.embedding)
    np.testing.assert_array_equal(found.windows, FOUND.windows)


def test_an_error_is_answered_by_its_code_and_the_next_recording_is_served(served: Served, bench: Bench) -> None:
    bench.error = UnsupportedAudio("No audio.")
    assert served.code() == "unsupported_audio"
    bench.error = None
    assert served.ask()[0] == WorkerFrame.ANSWER


def test_a_bug_is_no_end_and_tells_nothing(served: Served, bench: Bench) -> None:
    bench.error = KeyError("Ada")
    kind, payload = served.ask()
    assert (kind, json.loads(payload)) == (WorkerFrame.ERROR, {"code": "failed", "message": ""})
    bench.error = None
    assert served.ask()[0] == WorkerFrame.ANSWER


def test_a_full_pool_of_decoders_reaches_the_caller(served: Served, bench: Bench) -> None:
    bench.error = Overloaded(10)
    kind, payload = served.ask()
    told = _error(payload)
    assert (kind, type(told), getattr(told, "retry_after_s", None)) == (WorkerFrame.ERROR, Overloaded, 1)
    bench.error = None
    assert served.ask()[0] == WorkerFrame.ANSWER


def test_a_broken_encoder_ends_the_process_after_its_answer(served: Served, bench: Bench) -> None:
    bench.error, bench.broken = EncoderFailed("The weights are gone."), True
    assert served.code() == "encoder_failed"
    served.thread.join(PATIENCE_S)
    assert not served.thread.is_alive()


def test_one_odd_recording_does_not_end_it(served: Served, bench: Bench) -> None:
    bench.error = EncoderFailed("The encoder failed.")
    assert served.code() == "encoder_failed"
    bench.error = None
    assert served.ask()[0] == WorkerFrame.ANSWER


def test_work_for_a_caller_who_has_gone_ends(served: Served, bench: Bench) -> None:
    bench.until_cancelled = True
    served.wire.send(WorkerFrame.JOB, *JOB.frame(b"long"))
    assert bench.entered.wait(PATIENCE_S)
    served.wire.send(WorkerFrame.CANCEL)
    assert json.loads(served.wire.receive()[1])["code"] == ClientGone.code
    bench.until_cancelled = False
    assert served.ask(b"next")[0] == WorkerFrame.ANSWER
    assert bench.heard == [b"long", b"next"]


def test_a_cancellation_that_comes_too_late_is_of_no_other_recording(served: Served) -> None:
    assert served.ask()[0] == WorkerFrame.ANSWER
    served.wire.send(WorkerFrame.CANCEL)
    assert served.ask()[0] == WorkerFrame.ANSWER


def test_the_watch_is_set_by_whatever_comes() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watch = CancelWatch(theirs)
        assert not watch.is_set()
        ours.sendall(b"x")
        assert watch.is_set()


@pytest.mark.parametrize("numbers", [b"", bytes(4 * 13), bytes(4 * 12 + 1)], ids=["none", "too many", "a part"])
def test_numbers_that_do_not_fit_the_answer_are_no_answer(numbers: bytes) -> None:
    line = answer_frame(FOUND)[0]
    with pytest.raises(ProtocolViolation):
        read_answer(bytearray(line) + numbers)


def test_a_process_loads_neither_store_nor_index_nor_http() -> None:
    script = f"import sys, {EncoderBench.__module__}; print(*{{name.split('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert {"sqlalchemy", "faiss", "fastapi", "sklearn", "scipy", "torch"} & set(loaded) == set()
