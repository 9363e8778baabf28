"""Bodies that come too slowly, before their key is known, or when there is no room for them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import anyio
import pytest
from starlette.types import ASGIApp, Message

from speakerid.api.admission import Admission
from speakerid.api.app import create_app
from speakerid.api.bodies import RECEIVING, Bodies
from speakerid.api.limits import Shares
from speakerid.db.models import RecordingRow
from speakerid.services import keys
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from tests.api.asking import DEFAULT, SPEAKERS

IDENTIFY, RECORDINGS = f"{DEFAULT}/identify", f"{DEFAULT}/recordings"
JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=cut"}
FORM_HEAD = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
PATIENCE_S = 0.05


class Client:
    """One request to `app` whose body comes part by part; then nothing more, for ever."""

    def __init__(self, app: ASGIApp, path: str, parts: Iterable[bytes], **headers: str) -> None:
        self._app, self._parts = app, list(parts)
        named = {"host": "127.0.0.1", "transfer-encoding": "chunked"} | headers
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 50_000),
        }
        self.reads = 0
        self.sent: list[Message] = []

    async def ask(self) -> None:
        await self._app(self._scope, self._receive, self._send)

    async def _receive(self) -> Message:
        self.reads += 1
        if not self._parts:
            await anyio.sleep_forever()
        return {"type": "http.request", "body": self._parts.pop(0), "more_body": True}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def problem(self) -> Any:
        return json.loads(b"".join(one.get("body", b"") for one in self.sent))


def impatient(engine: Engine, memory: Shares | None = None) -> Bodies:
    """The service, with less patience."""
    within = create_app(engine, Settings())
    memory = memory or Shares(2**30, least=2**30)
    return Bodies(within, 10_000_000, 10_000_000, memory, Admission(60.0), patience_s=PATIENCE_S)


@pytest.mark.parametrize(
    ("path", "parts", "headers"),
    [
        (SPEAKERS, [b'{"name": '], JSON),
        (IDENTIFY, [b"RIFF"], {}),
        (IDENTIFY, [FORM_HEAD, b"RIFF"], FORM),
        (RECORDINGS, [b"RIFF", bytes(3_000_000)], {}),
        (IDENTIFY, [], {}),
    ],
)
def test_a_body_that_stops_coming(engine: Engine, path: str, parts: list[bytes], headers: dict[str, str]) -> None:
    client = Client(impatient(engine), path, parts, **headers)
    anyio.run(client.ask)
    assert (client.status, client.problem["code"]) == (408, "body_too_slow")
    assert client.headers["connection"] == "close"
    with engine.read() as db:
        assert db.query(RecordingRow).count() == 0


@pytest.mark.parametrize("path", [SPEAKERS, IDENTIFY, RECORDINGS, "/v1/embeddings"])
@pytest.mark.parametrize("headers", [JSON, FORM, {}])
def test_nothing_of_a_body_is_read_before_its_key(engine: Engine, path: str, headers: dict[str, str]) -> None:
    with engine.write() as db:
        keys.create(db, "test", ("admin",))
    for key, code in (({}, "key_missing"), ({"authorization": "Bearer sid_wrong"}, "key_invalid")):
        client = Client(impatient(engine), path, [b"{}"], **headers, **key)
        anyio.run(client.ask)
        assert (client.status, client.problem["code"], client.reads) == (401, code, 0)


def test_an_announced_body_that_does_not_fit_is_refused_before_it_is_read(engine: Engine) -> None:
    client = Client(impatient(engine, Shares(10_000)), IDENTIFY, [b"x"], **{"content-length": "5001"})
    anyio.run(client.ask)
    assert (client.status, client.problem["code"], client.reads) == (429, "overloaded", 0)
    assert int(client.headers["retry-after"]) >= 1


def test_a_body_that_outgrows_its_share_is_refused_and_leaves_nothing(engine: Engine) -> None:
    memory = Shares(10_000)
    client = Client(impatient(engine, memory), IDENTIFY, [bytes(1000)] * 10)
    anyio.run(client.ask)
    assert (client.status, client.problem["code"], client.reads) == (429, "overloaded", 6)
    assert memory.total == 0


def test_a_recording_counts_only_what_is_not_in_the_store_yet(engine: Engine) -> None:
    memory = Shares(3 * 1024 * 1024)
    client = Client(impatient(engine, memory), RECORDINGS, [bytes(1024 * 1024)] * 8)
    anyio.run(client.ask)
    assert client.status == 408  # all eight came
    assert client.reads == 9


def test_one_caller_has_half_of_the_recordings_that_come_in(engine: Engine) -> None:
    app = impatient(engine)
    app.receiving.take("127.0.0.1", RECEIVING // 2)
    full = Client(app, RECORDINGS, [b"RIFF"])
    anyio.run(full.ask)
    assert (full.status, full.problem["code"], full.reads) == (429, "overloaded", 0)
    app.receiving.give("127.0.0.1", 1)
    again = Client(app, RECORDINGS, [b"RIFF"])
    anyio.run(again.ask)
    assert again.status == 408
    assert app.receiving.total == RECEIVING // 2 - 1  # its place is free again
