"""A bound socket, and uvicorn on it."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvicorn

from speakerid.cli.server.connections import BACKLOG, allowed_connections
from speakerid.cli.server.protocols import HEAD_S, Door, HttpProtocol, StreamProtocol
from speakerid.errors import SettingsError

GRACE_S = 30  # requests that run when the stop comes have this long to finish
WS_MAX_BYTES = 512 * 1024  # of one WebSocket message; streams refuse smaller ones with a reason
TURN_S = 0.001  # of a thread that computes: with Python's 5 ms, refusals of a busy server waited for several of them
QUEUED = 1024  # connections that the system keeps until they are accepted


@dataclass(frozen=True)
class BoundSocket:
    socket: socket.socket
    host: str

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.socket.getsockname()[1]}"


@contextmanager
def bind(host: str, port: int) -> Iterator[BoundSocket]:
    """Take the address before anything slow is done. Raises SettingsError when that cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _refused(host, port, error) from error
    with taken:
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # restart without waiting for old connections
            taken.bind(address)
        except OSError as error:
            raise _refused(host, port, error) from error
        yield BoundSocket(taken, host)


def _refused(host: str, port: int, error: OSError) -> SettingsError:
    return SettingsError(
        f"Cannot listen on {host}, port {port} ({error.strerror}). Choose another --host or --port; 0 takes a free one."
    )


class Server(uvicorn.Server):
    """Announces itself when it really accepts, and returns after a stop so that its owner can close the engine."""

    def __init__(self, app: Any, announce: Callable[[], None]) -> None:
        self._door = Door(allowed_connections())
        config = uvicorn.Config(
            app,
            http=partial(HttpProtocol, self._door),  # type: ignore[arg-type]  # only ever called
            ws=partial(StreamProtocol, self._door),  # type: ignore[arg-type]  # only ever called
            loop="asyncio",  # uvloop, where something brought it, has no limits of what is read at a time
            timeout_keep_alive=int(HEAD_S),
            backlog=BACKLOG,
            log_config=None,
            access_log=False,  # it has addresses, which name people: the service tells its own, by routes
            server_header=False,
            ws_max_size=WS_MAX_BYTES,
            ws_per_message_deflate=False,  # a few bytes could become a whole message
            # A stream that waits for the encoder reads no pongs; one that brings nothing is closed by its own limit.
            ws_ping_interval=None,
            timeout_graceful_shutdown=GRACE_S,
        )
        super().__init__(config)
        self._announce = announce

    def run_on(self, listener: BoundSocket) -> None:
        """Until SIGTERM or SIGINT. Raises SettingsError when another process has taken the address meanwhile."""
        sys.setswitchinterval(TURN_S)
        gc.collect()
        gc.freeze()  # or each look for cycles among all that was loaded keeps everybody waiting for 0.1 s
        try:
            self.run(sockets=[listener.socket])
        except OSError as error:
            host, port = listener.socket.getsockname()[:2]
            raise _refused(host, port, error) from error

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in sockets or ():
            one.listen(QUEUED)  # asyncio has one number for this and for how many it accepts at once
        self._announce()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if counter % 10 == 0:
            self._door.look(list(self.server_state.connections))
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: Any) -> None:
        state = self.config.app.state  # type: ignore[union-attr]  # of our application
        state.stopping = True  # streams of events would never end
        if state.engine.workers is not None:
            state.engine.workers.end_soon()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Like uvicorn's, which raises the signal once more at the end and so would end the process too early."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
