"""A decoding child: one job after another, until its service closes the connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from socket import socket

import numpy as np

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.children.confine import Budget, confine, memory_bytes
from speakerid.audio.children.wire import PIECE_BYTES, ChildWire, DecodeJob, Gone, MessageKind, ask
from speakerid.audio.chunked_source import ChunkedSource
from speakerid.audio.in_process import announced, pieces
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.stream_decoder import StreamFormat, decoded_here
from speakerid.errors import DecoderCrashed, DecodingNeedsMemory, SpeakeridError
from speakerid.types import FloatArray


def serve(sock: socket, parent: int) -> None:
    """Returns when the service has closed the connection, or when this process should not be used any longer."""
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
            self._say(error)
            return not (isinstance(error, DecodingNeedsMemory) or self.budget.has_grown())
        except MemoryError:
            self._say(DecodingNeedsMemory())
            return False
        except Gone:
            raise
        except Exception:
            self._say(DecoderCrashed())
            return False
        return not self.budget.has_grown()

    def _answer(self) -> None:
        job = self.job
        if job.task == "announced":
            self.wire.send(MessageKind.ANNOUNCED, json.dumps(asdict(announced(self._file(), job.limits))).encode())
        elif job.task == "pieces":
            self._deliver(pieces(self._file(), job.limits, job.channel))
        else:
            found = decoded_here(self._messages(), StreamFormat(job.encoding), job.limits.max_seconds)
            self._deliver(piece[:, None] for piece in found)

    def _deliver(self, found: Iterator[FloatArray]) -> None:
        """Pieces (n, channels), cut to what one frame carries."""
        send = self.wire.send if self.job.task == "live" else self.wire.hold
        for piece in found:
            channels = piece.shape[1]
            most = PIECE_BYTES // (4 * channels)
            for start in range(0, len(piece), most):
                part = np.ascontiguousarray(piece[start : start + most], np.float32)
                send(MessageKind.PIECE, channels.to_bytes(2, "big"), part.reshape(-1).view(np.uint8).data)
            self.budget.delivered(len(piece) / SAMPLE_RATE_HZ)

    def _say(self, error: SpeakeridError) -> None:
        self.wire.send(MessageKind.ERROR, json.dumps({"code": error.code, "message": str(error)}).encode())

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
