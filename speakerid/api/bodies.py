"""Every request body passes here: not before the key is known, not too large, not too slow, not too much at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import anyio
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from speakerid.api.admission import PATHS as ADMITTED
from speakerid.api.admission import Admission
from speakerid.api.auth import caller, identified, remember_in
from speakerid.api.errors import Refused, refusal
from speakerid.api.limits import PATIENCE_S, Patience, Shares
from speakerid.errors import BodyTooSlow, ContentEncodingUnsupported, FileTooLarge, Overloaded, SpeakeridError

AUDIO_PATHS = ("/utterances", "/identify", "/verify", "/embeddings", "/classify", "/transcriptions")
LABELS = "/hf/"  # audio as well, or JSON with audio in it
RECORDINGS = "/recordings"
IMPORT = "/galleries/import"  # as large as a recording, and kept nowhere in memory either
MULTIPART_BYTES = 64 * 1024  # what a form adds to its file
OTHER_BYTES = 256 * 1024  # metadata and consent at their largest, each letter as \u0061; more only costs to be read
PIECE_BYTES = 1024 * 1024  # of a recording in memory; what came before it is in the store
RECEIVING = 16  # recordings that come in at a time
RETRY_AFTER_S = 5
DIGITS = 20  # of a length that h11 lets in
UNCOMPRESSED = ("", "identity")  # others are not undone: a kilobyte may become a gigabyte


@dataclass(frozen=True)
class BodyLimits:
    """What a path takes: at most so many bytes, of which at most `held_bytes` are in memory at a time."""

    max_bytes: int
    held_bytes: int
    recording: bool = False


class Bodies:
    def __init__(
        self,
        app: ASGIApp,
        max_audio_bytes: int,
        max_recording_bytes: int,
        memory: Shares,
        admission: Admission,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._app = app
        self._audio = BodyLimits(max_audio_bytes, max_audio_bytes)
        self._recording = BodyLimits(max_recording_bytes + MULTIPART_BYTES, PIECE_BYTES, recording=True)
        self._other = BodyLimits(OTHER_BYTES, OTHER_BYTES)
        self.memory, self.admission, self.patience_s = memory, admission, patience_s
        self.receiving = Shares(RECEIVING, full=partial(Overloaded, RETRY_AFTER_S))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        remember_in(scope)
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        body = _RequestBody(self, self._kind(scope["path"]), HTTPConnection(scope), receive)
        try:
            path = scope["path"]
            if scope["method"] == "POST" and (path.endswith(ADMITTED) or path.startswith(LABELS)):
                body.enter(self.admission)
            await self._app(scope, body.receive, send)
        except Overloaded as error:  # of this door: those of the service are answered further inside
            await refusal(scope, error)(scope, receive, send)
        finally:
            body.release()

    def _kind(self, path: str) -> BodyLimits:
        if path.endswith((RECORDINGS, IMPORT)):
            return self._recording
        return self._audio if path.endswith(AUDIO_PATHS) or path.startswith(LABELS) else self._other


class _RequestBody:
    """The body of one request. Nothing of it is read unless the route asks for it."""

    def __init__(self, everywhere: Bodies, kind: BodyLimits, connection: HTTPConnection, receive: Receive) -> None:
        self._everywhere, self._kind, self._connection = everywhere, kind, connection
        self._receive = receive
        self._patience = Patience(everywhere.patience_s)
        self._admitted: Admission | None = None
        self._caller: str | None = None
        self._read = self._held = self._places = 0
        self._whole = False

    async def receive(self) -> Message:
        """Raises Refused, because an HTTPException is the one kind that FastAPI passes on while it reads a body."""
        if self._whole:
            return await self._receive()
        try:
            if self._caller is None:
                self._caller = await self._begin()
            message = await self._next()
            self._count(self._caller, message)
            if self._whole and self._admitted is not None:
                await self._admitted.turn(self)
        except SpeakeridError as error:
            raise Refused(error) from error
        return message

    def enter(self, admission: Admission) -> None:
        """Raises Overloaded."""
        admission.enter(self)
        self._admitted = admission

    def release(self) -> None:
        if self._admitted is not None:
            self._admitted.leave(self)
        if self._caller is not None:
            self._everywhere.memory.give(self._caller, self._held)
            self._everywhere.receiving.give(self._caller, self._places)

    async def _begin(self) -> str:
        """The caller.

        Raises KeyMissing, KeyInvalid, KeyExpired, ContentEncodingUnsupported, FileTooLarge, Overloaded.
        """
        who = caller(self._connection, await identified(self._connection))
        if (encoding := self._connection.headers.get("content-encoding", "").strip().lower()) not in UNCOMPRESSED:
            raise ContentEncodingUnsupported(encoding)
        announced = _announced(self._connection.headers)
        if announced > self._kind.max_bytes:
            raise FileTooLarge(self._kind.max_bytes)
        self._everywhere.memory.check(who, min(announced, self._kind.held_bytes))
        if self._kind.recording and self._connection.scope["method"] == "POST":
            self._everywhere.receiving.take(who)
            self._places = 1
        return who

    async def _next(self) -> Message:
        """Only waiting counts: how long the server itself takes is no fault of the sender."""
        began_at = time.monotonic()
        try:
            with anyio.fail_after(self._patience.left_s):
                return await self._receive()
        except TimeoutError:
            raise BodyTooSlow(self._patience.most_s) from None
        finally:
            self._patience.spend(time.monotonic() - began_at)

    def _count(self, who: str, message: Message) -> None:
        size = len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        self._read += size
        self._patience.moved(size)
        if self._read > self._kind.max_bytes:
            raise FileTooLarge(self._kind.max_bytes)
        more = min(self._read, self._kind.held_bytes) - self._held
        self._everywhere.memory.take(who, more)
        self._held += more


def _announced(headers: Headers) -> int:
    """0 where the length is missing, or no number."""
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) <= DIGITS else 0
