"""The protocol between a service and its decoding children: frames of a kind, a length and bytes.

Job → (Ask ← → Bytes)* , (Announced | Piece | Lost)* , Error? , Done. Nothing is unpickled, every length is checked.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from socket import socket
from typing import Generic, Literal, TypeVar

from speakerid.audio.limits import Channel, DecodeLimits
from speakerid.errors import SpeakeridError

Part = bytes | bytearray | memoryview
Waiting = Callable[[float], None]  # of so many seconds in which nothing moved; may raise
PIECE_BYTES = 1024 * 1024  # of encoded audio in an answer, and of samples in a piece
MAX_TEXT_BYTES = 65_536
MAX_MESSAGE_CHARS = 1_000
TICK_S = 0.1  # between two looks whether waiting still makes sense
REQUEST = struct.Struct(">cq")  # to the template: FORK or END, a process id
ANSWER = struct.Struct(">q")
FORK, END = b"F", b"E"
NONE = -1  # the answer where no child was made, or it is not known how it ended
_HEADER = struct.Struct(">BI")
_PLACE = struct.Struct(">Q")
_SECONDS = struct.Struct(">d")
MAX_LOST_S = 1e9


class MessageKind(IntEnum):
    JOB = 1  # Job as JSON
    BYTES = 2  # what was asked for; none at the end
    ASK = 3  # the number of a piece of PIECE_BYTES
    ANNOUNCED = 4  # JSON
    PIECE = 5  # float32 samples (n,) at 16 kHz; none: it is still at work
    ERROR = 6  # JSON: code, message
    LOST = 8  # float64: seconds of audio that could not be decoded
    DONE = 7  # 1 byte: whether the child is good for another job


LIMITS = {
    MessageKind.JOB: MAX_TEXT_BYTES,
    MessageKind.BYTES: PIECE_BYTES,
    MessageKind.ASK: _PLACE.size,
    MessageKind.ANNOUNCED: MAX_TEXT_BYTES,
    MessageKind.PIECE: PIECE_BYTES,
    MessageKind.ERROR: MAX_TEXT_BYTES,
    MessageKind.LOST: 8,
    MessageKind.DONE: 1,
}


@dataclass(frozen=True)
class DecodeJob:
    """Work for a child: `pieces` or `announced` of a file of `size` bytes, or `live`, bytes that still come."""

    task: Literal["pieces", "announced", "live"]
    limits: DecodeLimits
    size: int = 0
    channel: Channel = "mix"
    encoding: Literal["webm", "ogg"] = "webm"

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def from_json(text: bytes) -> DecodeJob:
        fields = json.loads(text)
        return DecodeJob(**{**fields, "limits": DecodeLimits(**fields["limits"])})


class Gone(Exception):
    """The other side has closed the connection."""


class ProtocolViolation(Gone):
    """The other side sent what the protocol does not allow."""


Kind = TypeVar("Kind", bound=IntEnum)


class FrameWire(Generic[Kind]):
    """One end of a connection on which frames of the kinds in `limits` go, of at most so many bytes.

    `waiting` is called every tenth of a second in which nothing moves and may raise.
    """

    def __init__(self, sock: socket, limits: Mapping[Kind, int], waiting: Waiting | None = None) -> None:
        self._sock = sock
        self._limits = limits
        self._kinds = {int(kind): kind for kind in limits}
        self._held: list[Part] = []
        self.waiting = waiting
        sock.settimeout(None if waiting is None else TICK_S)

    def hold(self, kind: Kind, *parts: Part) -> None:
        """Queue a frame that goes out with the next one: one process wakes the other once."""
        held, self._held = self._held, [_HEADER.pack(kind, sum(len(part) for part in parts)), *parts]
        self._send(held)

    def send(self, kind: Kind, *parts: Part) -> None:
        """Raises Gone, and whatever `waiting` raises."""
        held, self._held = self._held, []
        self._send([*held, _HEADER.pack(kind, sum(len(part) for part in parts)), *parts])

    def receive(self) -> tuple[Kind, bytearray]:
        """Raises Gone, and whatever `waiting` raises."""
        number, length = _HEADER.unpack(self._receive(_HEADER.size))
        kind = self._kinds.get(number)
        if kind is None or length > self._limits[kind]:
            raise ProtocolViolation
        return kind, self._receive(length)

    def close(self) -> None:
        self._sock.close()

    def is_quiet(self) -> bool:
        """False when something came unasked, its end for example."""
        try:
            self._sock.setblocking(False)
            self._sock.recv(1)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self._sock.settimeout(None if self.waiting is None else TICK_S)
        return False

    def _send(self, parts: Sequence[Part]) -> None:
        left, idle_s = [view for view in (memoryview(part).cast("B") for part in parts) if len(view)], 0.0
        while left:
            try:
                sent, idle_s = self._sock.sendmsg(left), 0.0
            except TimeoutError:
                idle_s = self._wait(idle_s)
                continue
            except OSError as error:
                raise Gone from error
            while left and sent >= len(left[0]):
                sent -= len(left.pop(0))
            if sent:
                left[0] = left[0][sent:]

    def _receive(self, length: int) -> bytearray:
        found, at, idle_s = bytearray(length), 0, 0.0
        view = memoryview(found)
        while at < length:
            try:
                count = self._sock.recv_into(view[at:])
            except TimeoutError:
                idle_s = self._wait(idle_s)
                continue
            except OSError as error:
                raise Gone from error
            if not count:
                raise Gone
            at += count
        return found

    def _wait(self, idle_s: float) -> float:
        assert self.waiting is not None
        self.waiting(idle_s + TICK_S)
        return idle_s + TICK_S


class ChildWire(FrameWire[MessageKind]):
    """Between a service and a decoding child."""

    def __init__(self, sock: socket, waiting: Waiting | None = None) -> None:
        super().__init__(sock, LIMITS, waiting)


def error_text(error: SpeakeridError) -> bytes:
    return json.dumps({"code": error.code, "message": str(error)[:MAX_MESSAGE_CHARS]}).encode()


def named_error(payload: bytearray, kinds: Mapping[str, type[SpeakeridError]]) -> SpeakeridError:
    """The error that the other side names, one of `kinds` by code, with its sentence. Raises ProtocolViolation."""
    try:
        found = json.loads(payload)
        kind, message = kinds[str(found["code"])], str(found["message"])[:MAX_MESSAGE_CHARS]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ProtocolViolation from None
    error = kind.__new__(kind)
    SpeakeridError.__init__(error, message)
    return error


def by_code(*roots: type[SpeakeridError]) -> dict[str, type[SpeakeridError]]:
    """These classes and all below them."""
    return {kind.code: kind for root in roots for kind in _leaves(root)}


def _leaves(kind: type[SpeakeridError]) -> Iterator[type[SpeakeridError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _leaves(narrower)


def lost(seconds: float) -> bytes:
    return _SECONDS.pack(seconds)


def lost_s(payload: bytes | bytearray) -> float | None:
    """None of what no number of seconds can be."""
    seconds = float(_SECONDS.unpack(payload)[0]) if len(payload) == _SECONDS.size else -1.0
    return seconds if 0.0 <= seconds < MAX_LOST_S else None


def ask(nth: int) -> bytes:
    return _PLACE.pack(nth)


def asked(payload: bytes | bytearray) -> int:
    """Raises ProtocolViolation."""
    if len(payload) != _PLACE.size:
        raise ProtocolViolation
    return int(_PLACE.unpack(payload)[0])
