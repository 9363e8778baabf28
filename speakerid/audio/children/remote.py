"""Decode in a child process: what is hostile about a file ends that process, and its caller gets a named error."""

from __future__ import annotations

import json
import logging
import mmap
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import numpy as np

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.children.pool import Use, current
from speakerid.audio.children.wire import (
    PIECE_BYTES,
    ChildWire,
    DecodeJob,
    Gone,
    MessageKind,
    ProtocolViolation,
    asked,
    by_code,
    lost_s,
    named_error,
)
from speakerid.audio.conditioning import checked
from speakerid.audio.file_decoder import NOTHING, Announced, DecodedPiece
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel, DecodeLimits, check_not_cancelled
from speakerid.errors import (
    AudioError,
    DecoderCrashed,
    DecoderKilled,
    DecoderUnavailable,
    DecodingTooCostly,
    SpeakeridError,
    StreamError,
)
from speakerid.types import FloatArray

logger = logging.getLogger(__name__)

SILENCE_S = 20.0  # of a child that neither asks nor delivers: its computing time ends long before, if it gets any
ASKS_PER_PIECE = 8  # a demuxer goes back and forth between tables and samples
Answer = Callable[[int], bytes | memoryview]  # piece n of the file; none at the end


def pieces(data: ByteSource, limits: DecodeLimits, channel: Channel, use: Use) -> Iterator[DecodedPiece]:
    """Raises AudioError, Overloaded, DecoderUnavailable."""
    job = DecodeJob("pieces", limits, len(data), channel)
    left = int(limits.max_seconds * SAMPLE_RATE_HZ) + SAMPLE_RATE_HZ
    for kind, payload in _converse(job, _file(data), use):
        if kind == MessageKind.LOST:
            yield DecodedPiece(NOTHING, lost_s=_lost_s(payload))
            continue
        piece = _samples(payload)
        left -= len(piece)
        if left < 0:
            raise DecoderCrashed
        yield DecodedPiece(checked(piece))


def announced(data: ByteSource, limits: DecodeLimits) -> Announced:
    """Raises AudioError, Overloaded, DecoderUnavailable."""
    found = [
        _announced(payload) for _, payload in _converse(DecodeJob("announced", limits, len(data)), _file(data), "file")
    ]
    if len(found) != 1:
        raise DecoderCrashed
    return found[0]


def live(messages: Iterable[bytes], encoding: Literal["webm", "ogg"], max_seconds: float) -> Iterator[FloatArray]:
    """(n,) float32 at 16 kHz. Raises what `pieces` does, StreamTooLong, and whatever `messages` raises."""
    job = DecodeJob("live", DecodeLimits(max_seconds=max_seconds), encoding=encoding)
    for _, payload in _converse(job, _arriving(messages), "stream"):
        yield checked(_samples(payload))


def _converse(job: DecodeJob, answer: Answer, use: Use) -> Iterator[tuple[MessageKind, bytearray]]:
    pool = current()
    with pool.child(use, _patience) as child:
        conversation = _Conversation(child.wire, job, answer)
        try:
            yield from conversation.frames()
        except Gone as error:
            raise _cause_of_end(error, pool.end(child)) from None
        child.fit = conversation.fit
    if conversation.error is not None:
        raise conversation.error


class _Conversation:
    """The exchange about one job. `error` is what the child found wrong, `fit` whether it can take another job."""

    def __init__(self, wire: ChildWire, job: DecodeJob, answer: Answer) -> None:
        self._wire = wire
        self._job = job
        self._answer = answer
        self._asks = 0
        self.error: SpeakeridError | None = None
        self.fit = False

    def frames(self) -> Iterator[tuple[MessageKind, bytearray]]:
        """Raises Gone, DecodingTooCostly, and what `answer` raises."""
        if self._job.task == "live":
            self._wire.send(MessageKind.JOB, self._job.to_json())
        else:
            self._wire.hold(MessageKind.JOB, self._job.to_json())
            self._wire.send(MessageKind.BYTES, self._answer(0))
        while True:
            kind, payload = self._wire.receive()
            if kind in (MessageKind.PIECE, MessageKind.ANNOUNCED, MessageKind.LOST):
                yield kind, payload
            elif kind == MessageKind.ASK:
                self._serve(asked(payload))
            elif kind == MessageKind.ERROR:
                self.error = named_error(payload, _KINDS)
            elif kind == MessageKind.DONE:
                self.fit = payload == b"\1"
                return
            else:
                raise ProtocolViolation

    def _serve(self, nth: int) -> None:
        self._asks += 1
        if self._job.task != "live" and self._asks > ASKS_PER_PIECE * (self._job.size // PIECE_BYTES + 2):
            raise DecodingTooCostly
        self._wire.send(MessageKind.BYTES, self._answer(nth))


def _patience(idle_s: float) -> None:
    check_not_cancelled()
    if idle_s > SILENCE_S:
        raise DecodingTooCostly


def _file(data: ByteSource) -> Answer:
    def piece(nth: int) -> bytes | memoryview:
        start = nth * PIECE_BYTES
        if isinstance(data, bytes):
            return memoryview(data)[start : start + PIECE_BYTES]
        found = data[start : start + PIECE_BYTES]
        if isinstance(data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED") and found:
            data.madvise(mmap.MADV_DONTNEED, start, len(found))  # or what was read counts as this process's memory
        return found

    return piece


def _arriving(messages: Iterable[bytes]) -> Answer:
    parts = (
        message[start : start + PIECE_BYTES] for message in messages for start in range(0, len(message), PIECE_BYTES)
    )
    return lambda _: next(parts, b"")


def _samples(payload: bytearray) -> FloatArray:
    """(n,). Raises DecoderCrashed."""
    if len(payload) % 4:
        raise DecoderCrashed
    return np.frombuffer(payload, np.float32)


def _lost_s(payload: bytearray) -> float:
    """Raises DecoderCrashed."""
    found = lost_s(payload)
    if found is None:
        raise DecoderCrashed
    return found


def _announced(payload: bytearray) -> Announced:
    """Raises DecoderCrashed."""
    try:
        found = json.loads(payload)
        return Announced(int(found["channels"]), None if found["seconds"] is None else float(found["seconds"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DecoderCrashed from None


_KINDS = by_code(AudioError, StreamError)  # that a file can cause


def _cause_of_end(error: Gone, status: int | None) -> SpeakeridError:
    """What became of a child whose connection ended in the middle of a job."""
    if status is None and not isinstance(error, ProtocolViolation):
        return DecoderUnavailable()  # it went with its template, through no fault of the file's
    ended_by = 0 if status is None else -os.waitstatus_to_exitcode(status)
    if ended_by == signal.SIGPROF:
        return DecodingTooCostly()
    if ended_by == signal.SIGKILL and not isinstance(error, ProtocolViolation):
        return DecoderKilled()  # by the system, which had no memory left
    logger.warning("a decoding process ended with %s", signal.strsignal(ended_by) if ended_by > 0 else "an error")
    return DecoderCrashed()
