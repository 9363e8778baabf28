"""Who speaks, while it is said: a WebSocket. docs/live.md describes its messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from anyio import CapacityLimiter, from_thread, to_thread
from fastapi import APIRouter, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from speakerid.api.auth import allow_stream
from speakerid.api.callers import caller
from speakerid.api.deps import engine_of
from speakerid.api.live import LiveConnection
from speakerid.api.parameters import check_known
from speakerid.api.shares import Shares
from speakerid.errors import SpeakeridError
from speakerid.services.engine import Engine
from speakerid.services.live.listen import LiveOptions, listen
from speakerid.settings import Settings
from speakerid.types import Key, to_json

STILL_ALLOWED_S = 10.0  # after which a stream asks again: its key may be revoked while it is open
router = APIRouter(prefix="/galleries/{gallery}")


@router.websocket("/stream")
async def stream(websocket: WebSocket, gallery: str) -> None:
    settings: Settings = websocket.app.state.settings
    connection = LiveConnection(websocket, settings)
    await connection.accept()
    try:
        config = await connection.config()
        allowed = partial(allow_stream, websocket, connection.secret(config), gallery)
        key = await run_in_threadpool(allowed)
        check_known(websocket.query_params, ())
        options = LiveOptions(config.incoming(settings.max_channels), config.names(), settings.max_stream_seconds)
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
