"""A live stream to a server: audio goes out in one thread, events come back in the caller's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from speakerid.client.wire import ClientError, is_local, parsed, problem_of
from speakerid.types import Enough, Event, LiveTurn, Ready, SpottedWord, StreamDone

OPEN_S = 30.0
STOP_S = 5.0  # for the source of the audio to notice that its stream has ended
EVENTS: dict[str, type[Event]] = {
    "ready": Ready,
    "turn": LiveTurn,
    "enough": Enough,
    "word": SpottedWord,
    "done": StreamDone,
}
MAX_EVENT_BYTES = 16 * 1024 * 1024  # the summary of four hours of short turns has 200 KB


@dataclass(frozen=True)
class Address:
    url: str  # of the server, http or https
    path: str
    key: str | None

    @property
    def websocket(self) -> str:
        scheme, _, rest = self.url.rstrip("/").partition("://")
        return f"{'wss' if scheme.lower() == 'https' else 'ws'}://{rest}{self.path}"


def stream(address: Address, config: dict[str, Any], messages: Iterable[bytes]) -> Iterator[Event]:
    """Events up to `done`. Raises ClientError, and whatever `messages` raises."""
    with _connected(address) as socket:
        socket.send(json.dumps(config))
        sender = _Sender(socket, messages)
        try:
            yield from _events(socket, sender, address.url)
        finally:
            sender.stop()


@contextmanager
def _connected(address: Address) -> Iterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {address.key}"} if address.key else {}
    try:
        # A proxy named in the environment cannot reach this machine's own server. No pings: a server that waits for
        # its encoder does not read them.
        socket = connect(
            address.websocket,
            additional_headers=headers,
            proxy=None if is_local(address.url) else True,
            open_timeout=OPEN_S,
            ping_interval=None,
            max_size=MAX_EVENT_BYTES,
        )
    except (OSError, TimeoutError, InvalidURI) as error:
        sentence = f"{address.url} cannot be reached ({error}). Check the address and that the server runs."
        raise ClientError("server_unreachable", sentence) from error
    except InvalidHandshake as error:
        sentence = f"{address.url} does not take live streams ({error}). Check that a speakerid server runs there."
        raise ClientError("unexpected_answer", sentence) from error
    with socket:
        yield socket


class _Sender:
    """`error`: what the messages raised, if anything."""

    def __init__(self, socket: ClientConnection, messages: Iterable[bytes]) -> None:
        self._socket = socket
        self._messages = messages
        self._stopped = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="audio", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._socket.close()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        try:
            for message in self._messages:
                if self._stopped.is_set():
                    return
                self._socket.send(message)
            self._socket.send(json.dumps({"type": "end"}))
        except ConnectionClosed:
            return  # the server says why
        except BaseException as error:
            self.error = error
            self._socket.close()


def _events(socket: ClientConnection, sender: _Sender, url: str) -> Iterator[Event]:
    try:
        for text in socket:
            message: dict[str, Any] = json.loads(text)
            if message["type"] == "error":
                raise problem_of(message["problem"])
            if (kind := EVENTS.get(message["type"])) is not None:  # a later server may have other events
                yield parsed(kind, message, url)
            if message["type"] == "done":
                return
    except ConnectionClosed:
        pass
    if sender.error is not None:
        raise sender.error
    raise ClientError("stream_closed", "The server closed the stream before its end. Its log may say why.")
