from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from speakerid.encoders.base import l2_normalize
from speakerid.encoders.batching import Batcher, pick
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import EncoderFailed, EncoderInputInvalid, Overloaded, SpeakeridError
from speakerid.types import FloatArray
from tests.waiting import PATIENCE_S, until

LOUD = 0.9  # samples above this make the Moody encoder fail


@dataclass
class Moody:
    """Embeds the first two samples. Notes what it got, waits for `gate`, fails on loud audio or when `broken`."""

    dim: int = 2
    name: str = "moody"
    fingerprint: str = "0" * 64
    sample_rate_hz: int = 16_000
    min_samples: int = 2
    trained_on: tuple[str, ...] = ()
    broken: type[BaseException] | None = None
    rows_missing: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    batches: list[list[float]] = field(default_factory=list)

    def embed(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        self.batches.append([float(waveform[0]) for waveform in waveforms])
        self.entered.set()
        self.gate.wait(PATIENCE_S)
        if self.broken:
            raise self.broken
        if max(waveform[1] for waveform in waveforms) > LOUD and len(waveforms[0]) < 100:  # the probe is longer
            raise RuntimeError("too loud")
        rows = np.stack([waveform[:2] for waveform in waveforms])
        return l2_normalize(rows)[self.rows_missing :]


def sound(mark: float, length: int = 4, level: float = 0.5) -> FloatArray:
    return np.array([mark, level, *([0.0] * (length - 2))], np.float32)


@pytest.fixture
def moody() -> Iterator[Moody]:
    encoder = Moody()
    encoder.gate.set()
    yield encoder
    encoder.gate.set()  # so that no thread is left waiting


@pytest.fixture
def start(moody: Moody) -> Iterator[Callable[..., Batcher]]:
    started: list[Batcher] = []

    def make(**options: float) -> Batcher:
        started.append(Batcher(moody, **options))  # type: ignore[arg-type]  # of the types that its callers give
        return started[-1]

    yield make
    moody.gate.set()
    for batcher in started:
        batcher.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as threads:
        yield threads


def occupy(batcher: Batcher, moody: Moody, pool: ThreadPoolExecutor) -> Future[FloatArray]:
    """Close the gate and put one call in the model, so that what comes next must queue."""
    moody.gate.clear()
    moody.entered.clear()
    call = pool.submit(batcher.embed, [sound(-1, length=9)])
    assert moody.entered.wait(PATIENCE_S)
    return call


@given(st.lists(st.integers(1, 4), min_size=1, max_size=40), st.integers(1, 10))
def test_pick_takes_the_oldest_and_its_equals_in_order(lengths: list[int], max_batch: int) -> None:
    chosen = pick(lengths, max_batch)
    assert chosen[0] == 0
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(max_batch, lengths.count(lengths[0]))
    assert {lengths[position] for position in chosen} == {lengths[0]}


def test_answers_are_the_encoders_own_in_order() -> None:
    encoder = FakeEncoder()
    waveforms = [np.random.default_rng(i).standard_normal(2_000 + i % 3).astype(np.float32) for i in range(40)]
    batcher = Batcher(encoder)
    np.testing.assert_allclose(batcher.embed(waveforms), encoder.embed(waveforms), atol=1e-6)
    assert (batcher.fingerprint, batcher.dim, batcher.name) == (encoder.fingerprint, encoder.dim, encoder.name)
    batcher.close()


def test_what_waits_is_batched_by_length_oldest_first(
    moody: Moody, start: Callable[..., Batcher], pool: ThreadPoolExecutor
) -> None:
    batcher = start(max_batch=3)
    calls = [occupy(batcher, moody, pool)]
    for mark, length in enumerate([4, 6, 4, 4, 6, 4]):
        calls.append(pool.submit(batcher.embed, [sound(mark, length)]))
        until(lambda waiting=mark + 1: batcher.waiting() == waiting)  # type: ignore[misc]  # its default is what the loop has now
    moody.gate.set()
    rows = [call.result(PATIENCE_S)[0] for call in calls]
    assert moody.batches[1:] == [[0, 2, 3], [1, 4], [5]]
    for mark, row in enumerate(rows[1:]):
        np.testing.assert_allclose(row, l2_normalize(np.array([[mark, 0.5]], np.float32))[0], atol=1e-6)


def test_requests_go_before_the_background_of_which_few_go_at_once(
    moody: Moody, start: Callable[..., Batcher], pool: ThreadPoolExecutor
) -> None:
    batcher = start(max_queue=1)
    occupying = occupy(batcher, moody, pool)
    behind = pool.submit(batcher.embed, [sound(mark) for mark in range(6)], background=True)
    until(lambda: len(batcher._background) == 6)
    request = pool.submit(batcher.embed, [sound(7)])  # not refused: the background fills a queue of its own
    until(lambda: batcher.waiting() == 1)
    with pytest.raises(Overloaded):
        batcher.embed([sound(8)], background=True)
    moody.gate.set()
    assert [len(call.result(PATIENCE_S)) for call in (occupying, request, behind)] == [1, 1, 6]
    assert moody.batches[1:] == [[7], [0, 1, 2, 3], [4, 5]]


def test_a_full_queue_refuses_at_once(moody: Moody, start: Callable[..., Batcher], pool: ThreadPoolExecutor) -> None:
    batcher = start(max_queue=2, timeout_s=10 * PATIENCE_S)
    calls = [occupy(batcher, moody, pool), pool.submit(batcher.embed, [sound(1), sound(2), sound(3)])]
    until(lambda: batcher.waiting() == 3)
    assert isinstance(pool.submit(batcher.embed, [sound(4)]).exception(PATIENCE_S), Overloaded)
    moody.gate.set()
    assert [len(call.result(PATIENCE_S)) for call in calls] == [1, 3]
    assert len(batcher.embed([sound(5)])) == 1


def test_callers_who_gave_up_cost_nothing(
    moody: Moody, start: Callable[..., Batcher], pool: ThreadPoolExecutor
) -> None:
    batcher = start(timeout_s=0.05)
    call = occupy(batcher, moody, pool)
    with pytest.raises(Overloaded):
        batcher.embed([sound(77)])
    with pytest.raises(Overloaded):
        call.result(PATIENCE_S)
    moody.gate.set()
    until(lambda: answered(batcher))
    assert [77.0] not in moody.batches


def answered(batcher: Batcher) -> bool:
    """Whether a call has its answer before it gives up."""
    with suppress(Overloaded):
        return len(batcher.embed([sound(5)])) == 1
    return False


def test_one_bad_waveform_fails_only_its_caller(
    moody: Moody, start: Callable[..., Batcher], pool: ThreadPoolExecutor
) -> None:
    batcher = start()
    first = occupy(batcher, moody, pool)
    calls = [pool.submit(batcher.embed, [sound(1, level=0.95 if mark == 2 else 0.5)]) for mark in range(5)]
    until(lambda: batcher.waiting() == 5)
    moody.gate.set()
    first.result(PATIENCE_S)
    outcomes = [call.exception(PATIENCE_S) for call in calls]
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 2 + [EncoderFailed] + [type(None)] * 2
    assert batcher.healthy()  # the probe after the failure showed that the model itself works


def test_waveforms_are_checked_before_they_queue(moody: Moody, start: Callable[..., Batcher]) -> None:
    with pytest.raises(EncoderInputInvalid, match="Waveform 1 holds samples"):
        start().embed([sound(1), sound(np.nan)])
    assert moody.batches == []


def test_missing_rows_are_an_error_not_a_shift(moody: Moody, start: Callable[..., Batcher]) -> None:
    batcher = start()
    moody.rows_missing = 1
    with pytest.raises(EncoderFailed, match="shape"):
        batcher.embed([sound(1), sound(2)])
    moody.rows_missing = 0
    assert len(batcher.embed([sound(1), sound(2)])) == 2


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, SystemExit, KeyboardInterrupt, EncoderFailed])
def test_the_loop_survives_and_health_follows_the_model(
    moody: Moody, start: Callable[..., Batcher], error: type[BaseException]
) -> None:
    batcher = start(probe_every_s=0.02)
    assert batcher.healthy()
    assert batcher.last_success_age() is None
    moody.broken = error
    for _ in range(3):
        with pytest.raises(EncoderFailed):
            batcher.embed([sound(1)])
    until(lambda: not batcher.healthy())
    moody.broken = None
    until(batcher.healthy)  # without any caller: a server that is not ready gets no calls
    age = batcher.last_success_age()
    assert age is not None
    assert age < PATIENCE_S
    assert len(batcher.embed([sound(1)])) == 1


def test_the_cause_of_a_failure_is_kept(moody: Moody, start: Callable[..., Batcher]) -> None:
    moody.broken = ZeroDivisionError
    with pytest.raises(EncoderFailed, match="ZeroDivisionError") as caught:
        start().embed([sound(1)])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_hanging_model_is_not_healthy(moody: Moody, start: Callable[..., Batcher], pool: ThreadPoolExecutor) -> None:
    batcher = start(timeout_s=0.05)
    call = occupy(batcher, moody, pool)
    until(lambda: not batcher.healthy())
    assert isinstance(call.exception(PATIENCE_S), Overloaded)
    moody.gate.set()
    until(batcher.healthy)


def test_close_refuses_what_waits_and_what_comes(
    moody: Moody, start: Callable[..., Batcher], pool: ThreadPoolExecutor
) -> None:
    batcher = start()
    running = occupy(batcher, moody, pool)
    waiting = pool.submit(batcher.embed, [sound(1)])
    until(lambda: batcher.waiting() == 1)
    closing = pool.submit(batcher.close)
    until(lambda: isinstance(_attempt(batcher), Overloaded))
    moody.gate.set()
    closing.result(PATIENCE_S)
    assert len(running.result(PATIENCE_S)) == 1
    assert isinstance(waiting.exception(PATIENCE_S), Overloaded)
    assert not batcher.healthy()
    batcher.close()


def _attempt(batcher: Batcher) -> SpeakeridError | None:
    """A call that may be refused at once; it is abandoned when it is not, because the gate is closed."""
    try:
        batcher._submit([], batcher._queue)
    except SpeakeridError as error:
        return error
    return None
