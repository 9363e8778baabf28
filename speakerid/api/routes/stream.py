"""Who speaks right now: a WebSocket. docs/live.md describes its messages."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import anyio
from anyio import CapacityLimiter, from_thread, to_thread
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from speakerid import errors
from speakerid.api.auth import allow_stream, bearer, begin_stream, caller
from speakerid.api.errors import INTERNAL, disclosed, status_of
from speakerid.api.limits import Patience, Shares
from speakerid.api.parameters import StrictRoute, check_known, engine_of
from speakerid.api.problems import PROBLEM, document
from speakerid.api.schemas import StreamConfig
from speakerid.errors import SpeakeridError
from speakerid.services.engine import Engine
from speakerid.services.live.listen import LiveOptions, listen
from speakerid.settings import Settings
from speakerid.types import Key, to_json

logger = logging.getLogger(__name__)

PROTOCOL = "speakerid"  # the subprotocol that is answered when a browser brings its key as another one
KEY_PROTOCOL = "bearer."
CONFIG_S = 10.0  # for the first message
SEND_S = 30.0  # for a client that does not read
SLOWEST = 10.0  # audio may come ten times slower than real time; beyond that the idle time runs out
OPUS_PACKET_S = 0.12  # the longest there is; pauses are sent as a few small ones a second
ENCODED_BYTES_PER_S = 750.0  # Opus at its lowest rate, 6 kbit/s
MAX_MESSAGE_BYTES = 256 * 1024
GOOD, REFUSED = 1000, 4000  # RFC 6455 section 7.4: from 4000 on they are the application's
CODES = {500: 1011, 503: 1013}  # failed; try again later


class LiveConnection:
    """A refusal closes it with 4000 + the HTTP status of its error, a failure with 1011."""

    def __init__(self, websocket: WebSocket, settings: Settings) -> None:
        self._websocket = websocket
        self._settings = settings
        self._request_id: str = websocket.scope["request_id"]
        self._ends_at = time.monotonic() + settings.max_stream_seconds
        self._patience = Patience(settings.stream_idle_seconds)
        self._config = StreamConfig()

    async def accept(self) -> None:
        offered = self._websocket.scope["subprotocols"]
        await self._websocket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)

    async def config(self) -> StreamConfig:
        """The first message. Raises InvalidRequest, StreamIdle, WebSocketDisconnect."""
        message = await self._receive(CONFIG_S)
        if message.get("text") is None:
            raise errors.InvalidRequest("The first message must be the configuration, as JSON text.")
        try:
            self._config = StreamConfig.model_validate_json(message["text"])
            return self._config
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "configuration"
            raise errors.InvalidRequest(f"{where}: {first['msg']}. Correct the first message.") from None

    def secret(self, config: StreamConfig) -> str | None:
        """The key, from wherever the client could put it; never from the address, which is logged on its way."""
        if (header := bearer(self._websocket)) is not None:
            return header
        offered: list[str] = self._websocket.scope["subprotocols"]
        keys = (one.removeprefix(KEY_PROTOCOL) for one in offered if one.startswith(KEY_PROTOCOL))
        return next(keys, config.key)

    async def next_audio(self) -> bytes | None:
        """None at the client's end; never empty. Raises StreamIdle, StreamTooLong, MessageTooLarge, InvalidRequest."""
        while True:
            message = await self._receive_in_time()
            if time.monotonic() > self._ends_at:
                raise errors.StreamTooLong(self._settings.max_stream_seconds)
            if (audio := message.get("bytes")) is None:
                _check_end(message["text"])
                return None
            if len(audio) > MAX_MESSAGE_BYTES:
                raise errors.MessageTooLarge(MAX_MESSAGE_BYTES)
            if audio:
                self._patience.earn(SLOWEST * seconds_in(len(audio), self._config))
                return bytes(audio)

    async def send(self, event: dict[str, Any]) -> None:
        """Raises WebSocketDisconnect, also when the client does not read for long."""
        try:
            with anyio.fail_after(SEND_S):
                await self._websocket.send_text(json.dumps(event))
        except (TimeoutError, RuntimeError):  # starlette's word for a connection closed meanwhile
            raise WebSocketDisconnect from None

    async def close(self) -> None:
        await self._close(GOOD)

    async def refuse(self, error: errors.SpeakeridError) -> None:
        status = status_of(type(error))
        detail, facts = disclosed(error, status, self._request_id)
        await self._fail(status, error.code, detail, facts)

    async def fail(self, error: Exception) -> None:
        """A bug."""
        logger.error("request %s failed", self._request_id, exc_info=error)
        await self._fail(500, "internal_error", INTERNAL, {})

    async def _fail(self, status: int, code: str, detail: str, facts: dict[str, Any]) -> None:
        self._websocket.scope[PROBLEM].append(code)
        try:
            await self.send(error_event(self._request_id, status, code, detail, facts))
        except WebSocketDisconnect:
            return
        await self._close(CODES.get(status, REFUSED + status))

    async def _close(self, code: int) -> None:
        with anyio.move_on_after(SEND_S):
            try:
                await self._websocket.close(code)
            except RuntimeError:  # closed by the client in the same moment
                return

    async def _receive_in_time(self) -> dict[str, Any]:
        began_at = time.monotonic()
        try:
            return await self._receive(self._patience.left_s)
        except errors.StreamIdle:
            raise errors.StreamIdle(self._patience.most_s) from None
        finally:
            self._patience.spend(time.monotonic() - began_at)

    async def _receive(self, patience_s: float) -> dict[str, Any]:
        try:
            with anyio.fail_after(patience_s):
                message: Any = await self._websocket.receive()
        except TimeoutError:
            raise errors.StreamIdle(patience_s) from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", GOOD))
        return dict(message)


def error_event(
    request_id: str, status: int, code: str, detail: str, facts: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What comes before a refusal or a failure closes the stream."""
    return {"type": "error", "problem": document(request_id, status, code, detail, facts)}


def seconds_in(size: int, config: StreamConfig) -> float:
    """At most so many seconds of audio are in a message of `size` bytes."""
    if config.encoding == "pcm_s16le":
        return size / (2 * config.channels * config.sample_rate_hz)
    return OPUS_PACKET_S if config.encoding == "opus" else size / ENCODED_BYTES_PER_S


def _check_end(text: str) -> None:
    try:
        ended = json.loads(text) == {"type": "end"}
    except (ValueError, RecursionError):
        ended = False
    if not ended:
        raise errors.InvalidRequest('After the first message only audio or the text {"type": "end"} may come.')


STILL_ALLOWED_S = 10.0  # after which a stream asks again: its key may be revoked while it is open
router = APIRouter(prefix="/v1/galleries/{gallery}", route_class=StrictRoute)


@router.websocket("/stream")
async def stream(websocket: WebSocket, gallery: str) -> None:
    settings: Settings = websocket.app.state.settings
    connection = LiveConnection(websocket, settings)
    await connection.accept()
    try:
        config = await connection.config()
        secret = connection.secret(config)
        key = await run_in_threadpool(begin_stream, websocket, secret, gallery)
        allowed = partial(allow_stream, websocket, secret, gallery)
        check_known(websocket.query_params, ())
        options = LiveOptions(
            config.incoming(settings.max_channels),
            config.only(),
            settings.max_stream_seconds,
            tuple(dict.fromkeys(config.classifiers)),
        )
        streams: Shares = websocket.app.state.streams
        with streams.place(caller(websocket, key)):
            # A thread of its own: the pool that serves requests would be used up by streams.
            await to_thread.run_sync(
                _answer, engine_of(websocket), gallery, connection, options, allowed, limiter=CapacityLimiter(1)
            )
        await connection.close()
    except WebSocketDisconnect:
        return
    except SpeakeridError as error:
        await connection.refuse(error)
    except Exception as error:
        await connection.fail(error)


@router.get("/stream", include_in_schema=False)
async def not_a_stream() -> None:
    """A proxy that does not pass on the upgrade makes a plain request of it."""
    raise errors.WebSocketExpected


def _answer(
    engine: Engine, gallery: str, connection: LiveConnection, options: LiveOptions, allowed: Callable[[], Key | None]
) -> None:
    """In a thread. A message is only taken when the ones before it are done, so a hasty client has to wait."""

    def messages() -> Iterator[bytes]:
        asked_at = time.monotonic()
        while (audio := from_thread.run(connection.next_audio)) is not None:
            if time.monotonic() >= asked_at + STILL_ALLOWED_S:
                allowed()
                asked_at = time.monotonic()
            yield audio

    for event in listen(engine, gallery, messages(), options):
        from_thread.run(connection.send, to_json(event))
