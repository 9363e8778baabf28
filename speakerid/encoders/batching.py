"""Many callers, one model: a thread owns the encoder and embeds what waits, equal lengths together, requests first.

What must hold, whatever the model does: a full queue refuses at once, a caller who gave up costs nothing,
a failure reaches only the callers whose audio causes it, the thread never dies while its health looks fine.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np

from speakerid.encoders.base import Encoder, check_embeddings, check_waveforms
from speakerid.errors import EncoderFailed, EncoderInputInvalid, Overloaded, SpeakeridError
from speakerid.types import FloatArray, Step

logger = logging.getLogger(__name__)

PROBE_SEED = 7
BACKGROUND_BATCH = 4  # what a request may have to wait for
AHEAD = 8  # batches that go before the background when it waits, then it has one: it must not wait for ever


@dataclass(frozen=True, eq=False)
class _Item:
    """One waveform and the promise of its embedding `(dim,)`; cancelling the promise abandons the item."""

    waveform: FloatArray
    promise: Future[FloatArray] = field(default_factory=Future)


def pick(lengths: Sequence[int], max_batch: int) -> list[int]:
    """Positions of the next batch, none of nothing: the oldest item, then the oldest others of the same length.

    The oldest always goes first, so no length can starve another.
    """
    same = [position for position, length in enumerate(lengths) if length == lengths[0]]
    return same[:max_batch]


def _taken(queue: deque[_Item], max_batch: int) -> list[_Item]:
    """The next batch out of `queue`, which also loses those whose callers gave up."""
    live = [item for item in queue if not item.promise.cancelled()]
    chosen = [live[position] for position in pick([len(item.waveform) for item in live], max_batch)]
    queue.clear()
    queue.extend(item for item in live if item not in chosen)
    return chosen


class Batcher:
    """An Encoder that many threads may call; it serves them through one thread.

    `max_queue` counts waiting waveforms: a call is refused when that many wait; one call may bring more. What is
    embedded in the background has a queue of its own, and waits while the other is not empty. While the model fails and
    no caller waits, it is tried again every `probe_every_s`.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        max_batch: int = 16,
        max_queue: int = 64,
        timeout_s: float = 60.0,
        probe_every_s: float = 5.0,
        step: Step = nullcontext,
    ) -> None:
        self._encoder = encoder
        self._step = step
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._timeout_s = timeout_s
        self._probe_every_s = probe_every_s
        self._queue: deque[_Item] = deque()
        self._background: deque[_Item] = deque()
        self._ahead = 0  # batches that went before the background
        self._changed = threading.Condition()
        self._closed = False
        self._working = True  # outcome of the last inference
        self._last_success: float | None = None  # time.monotonic()
        self._started: float | None = None  # time.monotonic() of the inference that runs now
        self._thread = threading.Thread(target=self._run, name="encoder", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    @property
    def dim(self) -> int:
        return self._encoder.dim

    @property
    def sample_rate_hz(self) -> int:
        return self._encoder.sample_rate_hz

    @property
    def min_samples(self) -> int:
        return self._encoder.min_samples

    @property
    def trained_on(self) -> tuple[str, ...]:
        return self._encoder.trained_on

    def embed(self, waveforms: Sequence[FloatArray], *, background: bool = False) -> FloatArray:
        """`(n, dim)` as `Encoder.embed`, blocking until done; in the `background`, when no one else waits.

        Raises `Overloaded` when the queue is full, when nothing came within `timeout_s`, and after `close()`.
        """
        check_waveforms(self._encoder, waveforms)
        items = [_Item(waveform) for waveform in waveforms]
        with self._step("embed"):
            self._submit(items, self._background if background else self._queue)
            try:
                return self._collect([item.promise for item in items])
            finally:
                for item in items:
                    item.promise.cancel()  # no effect on what is done; what still waits will be skipped

    def healthy(self) -> bool:
        """Whether the last inference worked, none hangs (`timeout_s`) and the thread lives."""
        started = self._started
        hangs = started is not None and time.monotonic() - started > self._timeout_s
        return self._working and not hangs and self._thread.is_alive()

    def last_success_age(self) -> float | None:
        """Seconds since an inference worked; None when none has yet."""
        last = self._last_success
        return None if last is None else time.monotonic() - last

    def waiting(self) -> int:
        """Waveforms in the queue."""
        return len(self._queue)

    def close(self) -> None:
        """Refuse what waits, let the running batch finish, stop the thread. May be called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(self._timeout_s)

    def _submit(self, items: Sequence[_Item], queue: deque[_Item]) -> None:
        with self._changed:
            if self._closed or len(queue) >= self._max_queue:
                raise Overloaded
            queue.extend(items)
            self._changed.notify_all()

    def _collect(self, promises: Sequence[Future[FloatArray]]) -> FloatArray:
        if len(promises) == 1:  # `wait` has its own lock and list, which are for several
            try:
                return promises[0].result(self._timeout_s)[np.newaxis]
            except TimeoutError:
                raise Overloaded from None
        done, missing = wait(promises, timeout=self._timeout_s, return_when=FIRST_EXCEPTION)
        for promise in done:
            if error := promise.exception():
                raise error
        if missing:
            raise Overloaded
        return np.stack([p.result() for p in promises]) if promises else np.empty((0, self.dim), np.float32)

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            if batch:
                self._serve(batch)
            elif not self._working:
                self._probe()

    def _next_batch(self) -> list[_Item] | None:
        """Wait for work. None when closed, empty when it is time to probe or everybody gave up."""
        with self._changed:
            patience_s = None if self._working else self._probe_every_s
            self._changed.wait_for(lambda: self._queue or self._background or self._closed, patience_s)
            if self._closed:
                self._refuse()
                return None
            chosen = self._chosen()
        return [item for item in chosen if item.promise.set_running_or_notify_cancel()]

    def _chosen(self) -> list[_Item]:
        if self._ahead < AHEAD and (chosen := _taken(self._queue, self._max_batch)):
            self._ahead += bool(self._background)
            return chosen
        self._ahead = 0
        return _taken(self._background, BACKGROUND_BATCH) or _taken(self._queue, self._max_batch)

    def _refuse(self) -> None:
        for queue in (self._queue, self._background):
            while queue:
                promise = queue.popleft().promise
                if promise.set_running_or_notify_cancel():
                    promise.set_exception(Overloaded())

    def _serve(self, batch: Sequence[_Item]) -> None:
        """Give every item of `batch` its row or its own error."""
        rows = self._attempt([item.waveform for item in batch])
        if isinstance(rows, SpeakeridError):
            self._settle_failure(batch, rows)
            return
        for item, row in zip(batch, rows, strict=True):
            item.promise.set_result(row)

    def _settle_failure(self, batch: Sequence[_Item], error: SpeakeridError) -> None:
        """Try each item alone, so that one cannot fail its neighbours; an item alone gets the error."""
        if len(batch) > 1:
            for item in batch:
                self._serve([item])
            return
        batch[0].promise.set_exception(error)
        if not self._working:
            self._probe()

    def _probe(self) -> None:
        """Embed noise: separates a broken model from one odd waveform, and notices when the model works again."""
        samples = max(self.min_samples, self.sample_rate_hz // 2)
        noise = np.random.default_rng(PROBE_SEED).standard_normal(samples).astype(np.float32)
        self._attempt([noise * np.float32(0.1)])

    def _attempt(self, waveforms: Sequence[FloatArray]) -> FloatArray | SpeakeridError:
        """Run the model once and note how it went. Never raises: that would stop the thread for good."""
        self._started = time.monotonic()
        try:
            rows = self._encoder.embed(waveforms)
            check_embeddings(self._encoder, rows, len(waveforms))
        except EncoderInputInvalid as error:
            return error  # the audio is at fault, the model's health is unchanged
        except BaseException as error:  # SystemExit too: only this thread could see it
            return self._failed(error)
        finally:
            self._started = None
        self._working, self._last_success = True, time.monotonic()
        return rows

    def _failed(self, error: BaseException) -> SpeakeridError:
        self._working = False
        logger.error("encoder %s failed", self.name, exc_info=error)
        if isinstance(error, SpeakeridError):
            return error
        failure = EncoderFailed(f"The encoder failed ({type(error).__name__}). The log has the cause.")
        failure.__cause__ = error
        return failure
