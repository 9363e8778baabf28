"""Real encoder processes: they answer what the service itself would, and what ends one costs one recording."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from speakerid.audio.decode import Preparer
from speakerid.audio.limits import DecodeLimits, cancelled_by
from speakerid.audio.vad import SileroVad
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import (
    AudioTooLong,
    ClientGone,
    EncoderNotFound,
    EncoderWorkerLost,
    EncoderWorkersFailed,
    KeyQuotaReached,
    Overloaded,
    ServiceStopping,
    UnsupportedAudio,
)
from speakerid.services.encoder_workers.pool import LET_PASS_S, EncoderWorkerPool, _pauses
from speakerid.services.encoder_workers.wire import WorkerSetup
from speakerid.services.encoder_workers.worker import EncoderProcess, Silence, _environment
from speakerid.services.engine import Untraced
from speakerid.services.probe import EmbeddedUtterance, ProbeOptions, embed_speech
from tests.audio.children.processes import children_of, runs
from tests.audio.encode import soundfile_bytes
from tests.sampled import ADA, BEN, probe, silence, utterance
from tests.waiting import PATIENCE_S, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]
FAKE = FakeEncoder()
LIMITS = DecodeLimits(max_seconds=20.0)
PLAIN = ProbeOptions(needed_s=1.0)
EVERYTHING = ProbeOptions(needed_s=1.0, windows=True, fingerprint=True, samples=True)


def setup(*encoders: str) -> WorkerSetup:
    return WorkerSetup(encoders or ("fake",), "/nonexistent", LIMITS)


@pytest.fixture(scope="module")
def pool() -> Iterator[EncoderWorkerPool]:
    """One process, for tests that leave it as it is or have it replaced."""
    made = EncoderWorkerPool(1, setup(), [FAKE.fingerprint], silence_s=PATIENCE_S)
    try:
        made.wait_until_ready()
        yield made
    finally:
        made.close()


def ask(pool: EncoderWorkerPool, audio: bytes, options: ProbeOptions = PLAIN) -> EmbeddedUtterance:
    return pool.embedded(audio, options, FAKE.fingerprint)


def pids(pool: EncoderWorkerPool) -> list[int]:
    return [one.pid for one in pool._ready]


@contextmanager
def at_work(pool: EncoderWorkerPool) -> Iterator[Future[EmbeddedUtterance]]:
    """A recording that its process has, which is stopped."""
    for pid in pids(pool):
        os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(ask, pool, probe(ADA))
        until(lambda: pool.state().busy == 1)
        yield asked


@pytest.mark.parametrize("audio", [probe(ADA), utterance(BEN), silence()], ids=["probe", "utterance", "silence"])
def test_a_process_answers_what_the_service_itself_would(pool: EncoderWorkerPool, audio: bytes) -> None:
    here, there = (
        embed_speech(Preparer(SileroVad(), LIMITS), FAKE.embed, audio, EVERYTHING),
        ask(pool, audio, EVERYTHING),
    )
    assert (there.seconds, there.speech, there.lost_s, there.peak) == (
        here.seconds,
        here.speech,
        here.lost_s,
        here.peak,
    )
    assert there.fingerprint == here.fingerprint
    for mine, theirs in (
        (here.embedding, there.embedding),
        (here.windows, there.windows),
        (here.samples, there.samples),
    ):
        np.testing.assert_array_equal(mine, theirs)


def test_what_was_decoded_is_told_before_it_is_embedded(pool: EncoderWorkerPool) -> None:
    decoded_s = list[float]()
    found = pool.embedded(probe(ADA), PLAIN, FAKE.fingerprint, decoded=decoded_s.append)
    assert decoded_s == [found.seconds]
    with pytest.raises(UnsupportedAudio):
        pool.embedded(b"no audio at all", PLAIN, FAKE.fingerprint, decoded=decoded_s.append)
    assert len(decoded_s) == 1


def test_errors_are_those_of_the_service(pool: EncoderWorkerPool) -> None:
    with pytest.raises(UnsupportedAudio):
        ask(pool, b"no audio at all")
    with pytest.raises(AudioTooLong, match="20 seconds"):
        ask(pool, soundfile_bytes(np.zeros(16_000 * 25, np.float32), 16_000, "WAV"))
    with pytest.raises(RuntimeError, match="the log has the cause"):  # a bug: no such encoder is there
        pool.embedded(probe(ADA), PLAIN, "another encoder")
    assert pool.state().replaced == 0


def test_what_is_not_granted_is_not_embedded(pool: EncoderWorkerPool) -> None:
    """A process that had embedded it would be one that breaks the protocol, and lost."""

    def refuse(seconds: float) -> None:
        raise KeyQuotaReached(60, 3600.0, 3600)

    def granted(seconds: float) -> None: ...

    (pid,) = pids(pool)
    with pytest.raises(KeyQuotaReached):
        pool.embedded(probe(ADA), PLAIN, FAKE.fingerprint, decoded=refuse, counted=True)
    assert pool.embedded(probe(ADA), PLAIN, FAKE.fingerprint, decoded=granted, counted=True).embedding is not None
    assert pids(pool) == [pid]


def test_requests_go_before_the_background(pool: EncoderWorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.services.encoder_workers.pool.LET_PASS_S", PATIENCE_S)
    order, waits = list[str](), list[Future[EmbeddedUtterance]]()
    with ThreadPoolExecutor(6) as threads, at_work(pool) as asked:

        def queue(name: str, options: ProbeOptions) -> None:
            waiting = pool.state().waiting
            noted = partial(pool.embedded, probe(ADA), options, FAKE.fingerprint, decoded=lambda _: order.append(name))
            waits.append(threads.submit(noted))
            until(lambda: pool.state().waiting == waiting + 1)

        for _ in range(4):
            queue("background", replace(PLAIN, background=True))
        for _ in range(2):
            queue("request", PLAIN)
        os.kill(pids(pool)[0], signal.SIGCONT)
        for one in (asked, *waits):
            assert one.result(PATIENCE_S).embedding is not None
    assert order == ["request"] * 2 + ["background"] * 4


def test_the_background_has_its_turn_in_the_end(pool: EncoderWorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pool._has_turn(background=True, waited_s=0.0)
    monkeypatch.setattr(pool, "_waiting", 1)
    assert not pool._has_turn(background=True, waited_s=LET_PASS_S - 1.0)
    assert pool._has_turn(background=True, waited_s=LET_PASS_S + 1.0)
    assert pool._has_turn(background=False, waited_s=0.0)


def test_steps_are_those_that_a_collector_knows(pool: EncoderWorkerPool) -> None:
    named = list[str]()

    class Collecting(Untraced):
        @contextmanager
        def step(self, name: str) -> Iterator[None]:
            named.append(name)
            yield
            named.append("")

    pool.embedded(probe(ADA), PLAIN, FAKE.fingerprint, Collecting())
    assert named == ["wait", "", "decode", "", "speech", "", "embed", ""]


def test_a_killed_process_costs_its_recording_and_is_replaced(
    pool: EncoderWorkerPool, caplog: pytest.LogCaptureFixture
) -> None:
    before, (pid,) = pool.state().replaced, pids(pool)
    with at_work(pool) as asked:
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EncoderWorkerLost):
            asked.result(PATIENCE_S)
    assert ask(pool, probe(ADA)).embedding is not None  # waits for the next one
    assert (pool.state().ready, pool.state().replaced, pids(pool) == [pid]) == (1, before + 1, False)
    assert "an encoder process ended: Killed" in caplog.text


def test_callers_who_go_or_wait_too_many_are_told(pool: EncoderWorkerPool) -> None:
    gone = threading.Event()
    gone.set()
    with at_work(pool) as asked, pytest.MonkeyPatch.context() as patch:
        with cancelled_by(gone), pytest.raises(ClientGone):
            ask(pool, probe(ADA))
        patch.setattr(pool, "_max_waiting", 0)
        with pytest.raises(Overloaded):
            ask(pool, probe(ADA))
        os.kill(pids(pool)[0], signal.SIGCONT)
        assert asked.result(PATIENCE_S).embedding is not None


def test_a_process_that_hangs_is_ended_and_replaced(pool: EncoderWorkerPool, caplog: pytest.LogCaptureFixture) -> None:
    (process,) = pool._ready
    process._silence = Silence(0.5, 0.5)
    with at_work(pool) as asked, pytest.raises(EncoderWorkerLost):
        asked.result(PATIENCE_S)
    assert "gave no answer for 0.5 s" in caplog.text
    assert ask(pool, probe(ADA)).embedding is not None
    assert not runs(process.pid)


def test_who_waits_for_what_hangs_is_told_when_the_service_ends() -> None:
    pool = EncoderWorkerPool(1, setup(), [FAKE.fingerprint], silence_s=PATIENCE_S, ending_s=0.3)
    try:
        pool.wait_until_ready()
        with ThreadPoolExecutor(1) as threads, at_work(pool) as asked:
            waiting = threads.submit(ask, pool, probe(BEN))
            until(lambda: pool.state().waiting == 1)
            pool.end_soon()
            for one in (asked, waiting):
                with pytest.raises(ServiceStopping):
                    one.result(PATIENCE_S)
    finally:
        pool.close()


HOST = f"""
from speakerid.audio.limits import DecodeLimits
from speakerid.services.encoder_workers.pool import EncoderWorkerPool
from speakerid.services.encoder_workers.wire import WorkerSetup
pool = EncoderWorkerPool(1, WorkerSetup(("fake",), "/nonexistent", DecodeLimits()), ["{FAKE.fingerprint}"])
pool.wait_until_ready()
print(next(iter(pool._ready)).pid, flush=True)
pool.close() if input() else None
"""


def test_processes_end_with_a_service_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", HOST], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        pid = int(host.stdout.readline())
        found = {pid, *children_of(pid), *(one for child in children_of(pid) for one in children_of(child))}
        assert len(found) == 3  # with what decodes
        host.kill()
    until(lambda: not any(map(runs, found)))


@pytest.mark.parametrize(
    ("encoders", "fingerprint", "error"),
    [(("nowhere.onnx",), "x", EncoderNotFound), (("fake",), "another", EncoderWorkersFailed)],
    ids=["missing", "other"],
)
def test_what_keeps_processes_from_starting_is_said(
    encoders: tuple[str, ...], fingerprint: str, error: type[Exception]
) -> None:
    pool = EncoderWorkerPool(1, setup(*encoders), [fingerprint])
    try:
        with pytest.raises(error):
            pool.wait_until_ready()
    finally:
        pool.close()


def test_a_bug_at_a_start_is_logged_and_another_process_starts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load = EncoderProcess.load
    errors = [ValueError("not foreseen")]

    def once(process: EncoderProcess) -> tuple[str, ...]:
        if errors:
            raise errors.pop()
        return load(process)

    monkeypatch.setattr(EncoderProcess, "load", once)
    pool = EncoderWorkerPool(1, setup(), [FAKE.fingerprint])
    try:
        with pytest.raises(EncoderWorkersFailed, match="the log has"):
            pool.wait_until_ready()
        until(lambda: pool.state().ready == 1)
    finally:
        pool.close()
    assert "ValueError: not foreseen" in caplog.text


def test_a_pool_may_close_while_its_processes_start() -> None:
    pool = EncoderWorkerPool(2, setup(), [FAKE.fingerprint])
    until(lambda: len(pool._running) == 2)
    started = [one.pid for one in pool._running]
    pool.close()
    assert not any(runs(pid) for pid in started)


def test_pauses_before_the_next_start_grow_to_a_bound() -> None:
    assert list(islice(_pauses(), 9)) == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_process_is_told_no_secret(pool: EncoderWorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPEAKERID_WEBHOOK_SECRET", "PGPASSWORD", "OTEL_EXPORTER_OTLP_HEADERS"):
        monkeypatch.setenv(name, "secret")
    assert "secret" not in _environment().values()
    text = Path(f"/proc/{pids(pool)[0]}/environ").read_text()
    assert "OMP_NUM_THREADS=1" in text.split("\0")
    assert "SPEAKERID_" not in text
