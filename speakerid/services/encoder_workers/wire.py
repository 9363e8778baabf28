"""The protocol between a service and its encoder processes: frames of a kind, a length and bytes.

Setup → Log*, (Ready | Error), then for each recording: Job, Cancel? → (Step | Log | Decoded ← Go)*, (Answer | Error).
Both sides are of one installation; nothing is unpickled all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from math import prod
from socket import socket
from typing import Any

import numpy as np

from speakerid.audio.children.wire import MAX_TEXT_BYTES, FrameWire, ProtocolViolation, Waiting, by_code
from speakerid.audio.limits import DecodeLimits
from speakerid.errors import AudioError, ClientGone, DecoderUnavailable, EncoderError, ModelsError, Overloaded
from speakerid.services.probe import EmbeddedUtterance, ProbeOptions
from speakerid.types import FloatArray, Speech

MAX_BYTES = 2**32 - 1  # of a recording, whose limits are checked before, and of what is found in it


class WorkerFrame(IntEnum):
    SETUP = 1  # WorkerSetup as JSON
    READY = 2  # JSON: fingerprints of the encoders, in their order
    JOB = 3  # a line of JSON, and the bytes of a file
    CANCEL = 4  # no one waits for the answer any longer
    STEP = 5  # the name of a step that begins; empty: it ended
    LOG = 6  # JSON: a line of the log
    ANSWER = 7  # a line of JSON, and the float32 of all its arrays
    ERROR = 8  # JSON: code, message
    DECODED = 9  # JSON: seconds that the recording holds, before they are embedded
    GO = 10  # they may be, where the job waits for that


LIMITS = dict.fromkeys(WorkerFrame, MAX_TEXT_BYTES) | dict.fromkeys((WorkerFrame.JOB, WorkerFrame.ANSWER), MAX_BYTES)
FAILED = "failed"  # code of what is no SpeakeridError: the log has it
KINDS = by_code(AudioError, EncoderError, ModelsError) | {
    one.code: one for one in (DecoderUnavailable, ClientGone, Overloaded)
}
ARRAYS = ("embedding", "windows", "samples")


class WorkerWire(FrameWire[WorkerFrame]):
    def __init__(self, sock: socket, waiting: Waiting | None = None) -> None:
        super().__init__(sock, LIMITS, waiting)


@dataclass(frozen=True)
class WorkerSetup:
    """What a process has to load."""

    encoders: tuple[str, ...]  # as `registry.load_encoder` takes them
    models: str  # the folder of fetched models
    limits: DecodeLimits

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def from_json(text: bytes) -> WorkerSetup:
        found = json.loads(text)
        return WorkerSetup(tuple(found["encoders"]), found["models"], DecodeLimits(**found["limits"]))


@dataclass(frozen=True)
class EncoderJob:
    """Work on a recording."""

    encoder: str  # fingerprint
    options: ProbeOptions
    steps: bool  # whether somebody collects traces
    counted: bool = False  # whether it is embedded only when the seconds that were decoded are granted

    def frame(self, audio: bytes) -> tuple[bytes, bytes]:
        """JOB in parts."""
        return _line(vars(self) | {"options": vars(self.options)}), audio

    @staticmethod
    def read(payload: bytearray) -> tuple[EncoderJob, bytes]:
        """With the recording."""
        found, at = _read_line(payload)
        job = EncoderJob(**found | {"options": ProbeOptions(**found["options"])})
        return job, bytes(memoryview(payload)[at:])


def answer_frame(found: EmbeddedUtterance) -> list[bytes | memoryview]:
    """ANSWER in parts."""
    arrays = {name: getattr(found, name) for name in ARRAYS}
    head = {
        "seconds": found.seconds,
        "speech": vars(found.speech),
        "lost_s": found.lost_s,
        "peak": found.peak,
        "fingerprint": found.fingerprint.hex(),
        "shapes": [None if one is None else one.shape for one in arrays.values()],
    }
    given = [np.ascontiguousarray(one, np.float32) for one in arrays.values() if one is not None]
    return [_line(head), *(one.reshape(-1).view(np.uint8).data for one in given)]


def read_answer(payload: bytearray) -> EmbeddedUtterance:
    """Raises ProtocolViolation."""
    try:
        found, at = _read_line(payload)
        arrays = _arrays(np.frombuffer(payload, np.float32, offset=at), found["shapes"])
        return EmbeddedUtterance(
            seconds=found["seconds"],
            speech=Speech(**found["speech"]),
            lost_s=found["lost_s"],
            peak=found["peak"],
            fingerprint=bytes.fromhex(found["fingerprint"]),
            **dict(zip(ARRAYS, arrays, strict=True)),
        )
    except (ValueError, KeyError, TypeError):
        raise ProtocolViolation from None


def _line(found: dict[str, Any]) -> bytes:
    """As long as whole float32 are, so that what follows lies as numbers have to."""
    text = json.dumps(found).encode()
    return text + b" " * (-(len(text) + 1) % 4) + b"\n"


def _read_line(payload: bytearray) -> tuple[dict[str, Any], int]:
    """And where it ends. Raises ValueError."""
    end = payload.index(b"\n")
    return json.loads(payload[:end]), end + 1


def _arrays(flat: FloatArray, shapes: Sequence[list[int] | None]) -> Iterator[FloatArray | None]:
    """Raises ValueError unless these are all numbers."""
    at = 0
    for shape in shapes:
        if shape is None:
            yield None
            continue
        yield flat[at : at + prod(shape)].reshape(shape)
        at += prod(shape)
    if at != len(flat):
        raise ValueError("another number of numbers")
