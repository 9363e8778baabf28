"""The processes that decode: a template, in which everything is imported, and the children that it forks.

`python -m speakerid.audio.children.worker FD`: requests of a fixed size come over the socket FD, each gets one
answer. FORK brings a socket along and is answered with the child's process id; END with how that child ended, which
is killed if it still runs. Only the template knows that an id is still its child's, so no other can be hit. It has
one thread, and nothing is decoded in it. A child does one job after another, until its service closes the connection.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from speakerid.audio.byte_source import ByteSource, ChunkedSource
from speakerid.audio.children.confine import Budget, confine, memory_bytes
from speakerid.audio.children.wire import (
    ANSWER,
    FORK,
    NONE,
    PIECE_BYTES,
    REQUEST,
    ChildWire,
    DecodeJob,
    Gone,
    MessageKind,
    ask,
    error_text,
    lost,
)
from speakerid.audio.file_decoder import DecodedPiece, announced_here, decode_here
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.stream_decoder import StreamFormat, decoded_here
from speakerid.errors import DecoderCrashed, DecodingNeedsMemory, SpeakeridError

PIECE_SAMPLES = PIECE_BYTES // 4
ORPHANED_S = 2.0  # between two looks whether the service is still there


def serve(sock: socket.socket, parent: int) -> None:
    """Do one job after another.

    Returns when the service has closed the connection, or when this process should not be used any longer.
    """
    confine(parent)
    wire, born_bytes = ChildWire(sock), memory_bytes()
    while True:
        try:
            kind, payload = wire.receive()
            if kind != MessageKind.JOB:
                return
            job = DecodeJob.from_json(bytes(payload))
            budget = Budget(job.size, born_bytes)
            fit = _DecodeWork(wire, job, budget).do()
            budget.end()
            wire.send(MessageKind.DONE, bytes([fit]))
        except Gone:
            return
        if not fit:
            return


@dataclass(frozen=True)
class _DecodeWork:
    wire: ChildWire
    job: DecodeJob
    budget: Budget

    def do(self) -> bool:
        """Whether this process is good for another job. Raises Gone."""
        try:
            self._answer()
        except SpeakeridError as error:
            self._send_error(error)
            return not (isinstance(error, DecodingNeedsMemory) or self.budget.has_grown())
        except MemoryError:
            self._send_error(DecodingNeedsMemory())
            return False
        except Gone:
            raise
        except Exception:
            self._send_error(DecoderCrashed())
            return False
        return not self.budget.has_grown()

    def _answer(self) -> None:
        job = self.job
        if job.task == "announced":
            self.wire.send(MessageKind.ANNOUNCED, json.dumps(asdict(announced_here(self._file(), job.limits))).encode())
        elif job.task == "pieces":
            self._deliver(decode_here(self._file(), job.limits, job.channel))
        else:
            found = decoded_here(self._messages(), StreamFormat(job.encoding), job.limits.max_seconds)
            self._deliver(map(DecodedPiece, found))

    def _deliver(self, found: Iterator[DecodedPiece]) -> None:
        """Send pieces, cut to what one frame carries, and word that work goes on where there are none."""
        send = self.wire.send if self.job.task == "live" else self.wire.hold
        for piece in found:
            for start in range(0, len(piece.samples), PIECE_SAMPLES):
                part = np.ascontiguousarray(piece.samples[start : start + PIECE_SAMPLES], np.float32)
                send(MessageKind.PIECE, part.view(np.uint8).data)
            if piece.skipped_s:
                self.wire.send(MessageKind.PIECE)
            if piece.lost_s:
                self.wire.hold(MessageKind.LOST, lost(piece.lost_s))
            self.budget.delivered(len(piece.samples) / SAMPLE_RATE_HZ + piece.skipped_s)

    def _send_error(self, error: SpeakeridError) -> None:
        self.wire.send(MessageKind.ERROR, error_text(error))

    def _file(self) -> ByteSource:
        """The first piece came with the job."""
        first = self._bytes()
        if len(first) == self.job.size:
            return first
        return ChunkedSource(self.job.size, PIECE_BYTES, lambda nth: first if nth == 0 else self._ask(nth))

    def _messages(self) -> Iterator[bytes]:
        while message := self._ask(0):
            yield message

    def _ask(self, nth: int) -> bytes:
        self.budget.asked()
        self.wire.send(MessageKind.ASK, ask(nth))
        return self._bytes()

    def _bytes(self) -> bytes:
        kind, payload = self.wire.receive()
        if kind != MessageKind.BYTES:
            raise Gone
        return bytes(payload)


def main(control: socket.socket) -> None:
    gc.collect()
    gc.freeze()  # pages of living objects stay shared
    service, children = os.getppid(), set[int]()
    try:
        while os.getppid() == service:
            if not select.select([control], [], [], ORPHANED_S)[0]:
                continue
            request, files, _, _ = socket.recv_fds(control, REQUEST.size, 1)
            if len(request) < REQUEST.size:
                return
            verb, pid = REQUEST.unpack(request)
            control.sendall(ANSWER.pack(_fork(control, files[0], children) if verb == FORK else _end(pid, children)))
    except OSError:
        return  # the service is gone
    finally:
        for pid in list(children):
            _end(pid, children)


def _fork(control: socket.socket, file: int, children: set[int]) -> int:
    """The child's id; NONE where the system has no place for another process, which the others outlive."""
    template = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        os.close(file)
        return NONE
    if pid == 0:
        try:
            control.close()
            serve(socket.socket(fileno=file), template)
        finally:
            os._exit(0)
    os.close(file)
    children.add(pid)
    return pid


def _end(pid: int, children: set[int]) -> int:
    """Kill a child: how it ended, as `os.waitpid` gives it."""
    if pid not in children:
        return NONE
    children.discard(pid)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)  # its service waits for this end, and what Python does at one takes 0.1 s
