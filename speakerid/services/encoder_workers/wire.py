"""The protocol between a service and its encoder processes: frames of a kind, a length and bytes.

Setup → Log*, (Ready | Error), then for each recording: Job, Audio, Cancel? → (Step | Log)*, (Answer, Numbers | Error).
Both sides are of one installation; nothing is unpickled all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from math import prod
from socket import socket

import numpy as np

from speakerid.audio.children.wire import MAX_TEXT_BYTES, FrameWire, ProtocolViolation, Waiting, by_code
from speakerid.audio.limits import DecodeLimits
from speakerid.errors import AudioError, ClientGone, DecoderUnavailable, EncoderError, ModelsError
from speakerid.services.probe import EmbeddedUtterance, ProbeOptions
from speakerid.types import FloatArray, Speech

MAX_BYTES = 2**32 - 1  # of a recording, whose limits are checked before, and of what is found in it


class WorkerFrame(IntEnum):
    SETUP = 1  # WorkerSetup as JSON
    READY = 2  # JSON: fingerprints of the encoders, in their order
    JOB = 3  # EncoderJob as JSON
    AUDIO = 4  # bytes of a file
    CANCEL = 5  # no one waits for the answer any longer
    STEP = 6  # the name of a step that begins; empty: it ended
    LOG = 7  # JSON: a line of the log
    ANSWER = 8  # JSON
    NUMBERS = 9  # float32, of all arrays of the answer
    ERROR = 10  # JSON: code, message


LIMITS = dict.fromkeys(WorkerFrame, MAX_TEXT_BYTES) | {
    WorkerFrame.AUDIO: MAX_BYTES,
    WorkerFrame.NUMBERS: MAX_BYTES,
}
FAILED = "failed"  # code of what is no SpeakeridError: the log has it
KINDS = by_code(AudioError, EncoderError, ModelsError) | {one.code: one for one in (DecoderUnavailable, ClientGone)}
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
    """Work on the recording that follows."""

    encoder: str  # fingerprint
    options: ProbeOptions
    steps: bool  # whether somebody collects traces

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def from_json(text: bytes) -> EncoderJob:
        found = json.loads(text)
        return EncoderJob(found["encoder"], ProbeOptions(**found["options"]), found["steps"])


def answer_frames(found: EmbeddedUtterance) -> tuple[bytes, list[memoryview]]:
    """The frames ANSWER, and NUMBERS in parts."""
    arrays = {name: getattr(found, name) for name in ARRAYS}
    head = {
        "seconds": found.seconds,
        "speech": asdict(found.speech),
        "lost_s": found.lost_s,
        "peak": found.peak,
        "fingerprint": found.fingerprint.hex(),
        "shapes": {name: None if one is None else one.shape for name, one in arrays.items()},
    }
    given = [np.ascontiguousarray(one, np.float32) for one in arrays.values() if one is not None]
    parts = [one.reshape(-1).view(np.uint8).data for one in given]
    return json.dumps(head).encode(), parts


def read_answer(head: bytearray, numbers: bytearray) -> EmbeddedUtterance:
    """Raises ProtocolViolation."""
    try:
        found = json.loads(head)
        shapes = {name: found["shapes"][name] for name in ARRAYS}
        arrays = _arrays(numbers, list(shapes.values()))
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


def _arrays(numbers: bytearray, shapes: Sequence[list[int] | None]) -> Iterator[FloatArray | None]:
    """Raises ValueError unless these are all numbers."""
    flat, at = np.frombuffer(numbers, np.float32), 0
    for shape in shapes:
        if shape is None:
            yield None
            continue
        yield flat[at : at + prod(shape)].reshape(shape)
        at += prod(shape)
    if at != len(flat):
        raise ValueError("another number of numbers")
