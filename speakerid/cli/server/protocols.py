"""uvicorn's protocols with deadlines (for heads, idle connections, who does not read) and a limit of small cuts."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import SecurityError
from websockets.http11 import MAX_LINE_LENGTH
from websockets.protocol import OPEN

from speakerid.api.auth import NO_NETWORK, network
from speakerid.api.errors import status_of, unasked
from speakerid.api.limits import Patience
from speakerid.api.middleware import new_request_id
from speakerid.api.routes.stream import REFUSED, error_event
from speakerid.cli.server.connections import (
    BODY_CUTS_PER_S,
    SLICE_BYTES,
    STREAM_CUTS_PER_S,
    Cuts,
    Phase,
    Standing,
    StrictConnection,
    in_order,
    make_room,
)
from speakerid.errors import (
    InvalidHttp,
    InvalidRequest,
    MessagesTooSmall,
    Overloaded,
    RequestHeadTooLarge,
    SpeakeridError,
)

HEAD_S = 10.0  # from the connection, or the end of the answer before, to the end of a request's head
GREETING_S = (
    30.0  # a WebSocket before its first message and after its last; the service has shorter deadlines of its own
)
GREETING = 64  # WebSockets of which no message has come yet, at a time
HEAD_BYTES = 32 * 1024  # of a request, at most: the longest query, 12 bytes for each of its characters, fits
READ_BYTES = 64 * 1024  # taken from the system at a time; a body that is not read yet is held up to that twice
STREAM_READ_BYTES = 16 * 1024  # frames are dear; between two readings others have their turn


@dataclass(frozen=True)
class Door:
    """How many connections are let in, and the clock that all deadlines go by."""

    limit: int
    clock: Callable[[], float] = time.monotonic

    def look(self, connections: Iterable[object]) -> None:
        """Drop what is overdue. Once a second."""
        now = self.clock()
        for one in [one for one in connections if _timed(one)]:
            if one.timer.overdue(now, one.phase, one.unread_bytes()):
                one.drop()

    def make_room(self, connections: Iterable[object], newcomer: object) -> bool:
        return make_room(self.standings(connections, but=newcomer), self.limit)

    def standings(self, connections: Iterable[object], but: object) -> list[Standing]:
        now = self.clock()
        return [one.standing(now) for one in connections if one is not but and _timed(one)]


class Timer:
    """Since when a connection is in its phase, and how long its client may still leave an answer unread."""

    def __init__(self, now: float, waiting_s: float) -> None:
        self._waiting_s = waiting_s
        self.since = self._looked_at = now
        self._unread_bytes = 0
        self._patience = Patience()

    def overdue(self, now: float, phase: Phase, unread_bytes: int) -> bool:
        """`unread_bytes` of an answer cannot be sent because its client does not take them."""
        looked_at, self._looked_at = self._looked_at, now
        before, self._unread_bytes = self._unread_bytes, unread_bytes
        if not unread_bytes:
            self._patience = Patience()
            return phase == "waiting" and now - self.since > self._waiting_s
        self._patience.spend(now - looked_at)
        over = self._patience.over
        self._patience.moved(max(0, before - unread_bytes))
        return over


class HttpProtocol(H11Protocol):
    """Before a request it waits `HEAD_S`; while a body comes the service has a deadline (api/bodies.py)."""

    def __init__(self, door: Door, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._door = door
        self.timer = Timer(door.clock(), HEAD_S)
        self._received_bytes = 0
        self._deaf = False  # the rest of a head that is too large is thrown away
        self._cuts = Cuts(door.clock, BODY_CUTS_PER_S)
        self.conn = StrictConnection(self._cuts, h11.SERVER, HEAD_BYTES)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]  # asyncio's own, without a method to set it
        super().connection_made(transport)
        if len(self.connections) > self._door.limit and not self._door.make_room(self.connections, self):
            self._refuse(Overloaded())

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        before = self.cycle
        self._cuts.bring(len(data))
        super().data_received(data)
        if self.cycle is not before:
            self.timer.since, self._received_bytes = self._door.clock(), 0
        self._received_bytes += len(data)

    def send_400_response(self, msg: str) -> None:
        """Called while the parser's error is handled.

        The work on the request learns that its client has gone; in the middle of an answer it ends.
        """
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._refuse(_refusal(sys.exception()))
        else:
            self.drop()

    def _refuse(self, error: SpeakeridError) -> None:
        self.transport.write(unasked(error))
        self._deaf = isinstance(error, RequestHeadTooLarge)
        if self._deaf:  # its client may still be sending: to close now would reset the connection, the answer with it
            self.transport.write_eof()
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        self.timer.since = self._door.clock()
        super().on_response_complete()

    @property
    def phase(self) -> Phase:
        if self.cycle is None or self.cycle.response_complete:
            return "waiting"
        if self.cycle.more_body:
            return "receiving"
        return "answering" if self.cycle.response_started else "working"

    def unread_bytes(self) -> int:
        """Only where nothing is added to it: more comes when half of it is read."""
        stands_still = self.flow.write_paused or self.phase == "waiting"
        return self.transport.get_write_buffer_size() if stands_still else 0

    def standing(self, now: float) -> Standing:
        return Standing(_network(self), self.phase, now - self.timer.since, self._received_bytes, self.drop)

    def drop(self) -> None:
        self.connections.discard(self)  # it counts no more, though it is closed in the next turn of the loop only
        self.transport.abort()


class StreamProtocol(WebSocketsSansIOProtocol):
    """Until its first message has come it can be made to go, like a connection without a request."""

    def __init__(self, door: Door, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._door = door
        self.timer = Timer(door.clock(), GREETING_S)
        self._greeted = False
        self._deaf = False  # what still comes after it was refused is thrown away
        self._cuts = Cuts(door.clock, STREAM_CUTS_PER_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.max_size = STREAM_READ_BYTES  # type: ignore[attr-defined]  # asyncio's own, as above
        super().connection_made(transport)
        streams = self._door.standings((one for one in self.connections if isinstance(one, StreamProtocol)), but=self)
        greeting = [one for one in in_order(streams) if one.phase == "waiting"]
        for one in greeting[: max(0, len(greeting) + 1 - GREETING)]:
            one.drop()

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.add(self)  # the one below takes it out, and does not ask whether it is in
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """In slices: what is cut too finely is not looked at to its end."""
        if self._deaf:
            return
        for start in range(0, len(data), SLICE_BYTES):
            part = data[start : start + SLICE_BYTES]
            self._cuts.bring(len(part))
            super().data_received(part)
            if self.conn.handshake_exc is not None and not self.handshake_initiated:
                self._refuse_head()
            if self._deaf or self.transport.is_closing():
                return

    def _refuse_head(self) -> None:
        """What uvicorn leaves without an answer: a head beyond the limits of websockets, or one with a body."""
        fault = self.conn.handshake_exc
        too_large = isinstance(fault, SecurityError) or isinstance(fault and fault.__cause__, SecurityError)
        self.transport.write(unasked(RequestHeadTooLarge(MAX_LINE_LENGTH) if too_large else InvalidHttp()))
        self.transport.close()

    def handle_events(self) -> None:
        if self._cuts.make(len(self.conn.events)):
            super().handle_events()
        elif self.handshake_complete and not self.close_sent:
            self._refuse(MessagesTooSmall())
        else:
            self.drop()

    def _refuse(self, error: SpeakeridError) -> None:
        """As the service refuses: with an event, then a code. Its client may still be sending: to close now would reset
        the connection, and the reason with it. Nothing can be said before the handshake, or after a goodbye."""
        if self.conn.state is not OPEN:
            return self.drop()
        status = status_of(type(error))
        code = REFUSED + status
        self.conn.send_text(json.dumps(error_event(new_request_id(), status, error.code, str(error))).encode())
        self.conn.send_close(code, error.code)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.write_eof()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
        self.close_sent = self._deaf = True
        self.timer.since = self._door.clock()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)  # as uvicorn waits
        self.transport.resume_reading()

    def send_receive_event_to_app(self) -> None:
        """uvicorn would log text that is not UTF-8 as a failure of the server."""
        self._greeted = True
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_text(b"".join(self.frames)):
            return self._refuse(InvalidRequest("A text message is not in UTF-8. Send audio in binary messages."))
        super().send_receive_event_to_app()

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.timer.since = self._door.clock()
        await super().send(message)

    @property
    def phase(self) -> Phase:
        return "working" if self._greeted and not self.close_sent else "waiting"

    def unread_bytes(self) -> int:
        stands_still = not self.writable.is_set() or self.close_sent
        return self.transport.get_write_buffer_size() if stands_still else 0

    def standing(self, now: float) -> Standing:
        return Standing(_network(self), self.phase, now - self.timer.since, drop=self.drop)

    def drop(self) -> None:
        self.connections.discard(self)
        self.transport.abort()


def _is_text(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True


Timed = HttpProtocol | StreamProtocol


def _timed(one: object) -> TypeGuard[Timed]:
    return isinstance(one, HttpProtocol | StreamProtocol)


def _network(one: Timed) -> str:
    return network(one.client[0]) if one.client else NO_NETWORK


def _refusal(error: BaseException | None) -> SpeakeridError:
    too_large = isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431
    return RequestHeadTooLarge(HEAD_BYTES) if too_large else InvalidHttp()
