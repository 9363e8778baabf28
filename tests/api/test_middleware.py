"""HEAD and OPTIONS, and clients that have gone."""

from __future__ import annotations

import asyncio

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from speakerid.api.middleware import DisconnectWatch
from speakerid.audio.limits import check_not_cancelled
from speakerid.errors import ClientGone
from tests.api.asking import DEFAULT, SPEAKERS, refused
from tests.api.conftest import Scoped
from tests.sampled import ADA, probe
from tests.waiting import until


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", DEFAULT, "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("DELETE", SPEAKERS, "GET, POST, HEAD, OPTIONS"),
        ("GET", f"{DEFAULT}/identify", "POST, OPTIONS"),
        ("HEAD", f"{DEFAULT}/identify", "POST, OPTIONS"),
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
        ("TRACE", f"{SPEAKERS}/spk_1", "GET, PATCH, DELETE, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_names_the_right_ones(client: TestClient, method: str, path: str, allowed: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        refused(answer, 405, "method_not_allowed")


def test_options_says_what_a_path_allows_without_a_key(client: TestClient, key: Scoped) -> None:
    key("admin")
    answer = client.options(SPEAKERS)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, "GET, POST, HEAD, OPTIONS", b"")
    refused(client.options("/v1/nothing"), 404, "no_such_path")


@pytest.mark.parametrize("path", ["/healthz", DEFAULT, SPEAKERS, "/v1/galleries/nowhere", "/openapi.json"])
def test_head_is_get_without_a_body(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-length"] == get.headers["content-length"] or path.endswith("nowhere")
    assert head.headers["content-type"] == get.headers["content-type"]


def test_head_needs_the_same_key(client: TestClient, key: Scoped) -> None:
    key("admin")
    assert client.head(SPEAKERS).status_code == 401


def test_head_of_events_ends(client: TestClient) -> None:
    recording = client.post(f"{DEFAULT}/recordings", content=probe(ADA)).json()["id"]
    answer = client.head(f"{DEFAULT}/recordings/{recording}/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")


POST: Scope = {"type": "http", "method": "POST"}
BODY: Message = {"type": "http.request", "body": b"audio", "more_body": False}


class Decoding:
    """An application that reads the body, then works in a thread until its client has gone, at most for a second."""

    def __init__(self) -> None:
        self.ended: type[BaseException] | None = None
        self.last: Message = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        try:
            await asyncio.to_thread(self._work)
        except ClientGone as error:
            self.ended = type(error)
            self.last = await receive()

    def _work(self) -> None:
        until(self._is_over)

    def _is_over(self) -> bool:
        check_not_cancelled()
        return False


def run(*messages: Message) -> Decoding:
    app, left = Decoding(), list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Message) -> None:
        raise AssertionError(message)

    asyncio.run(DisconnectWatch(app)(POST, receive, send))
    return app


@pytest.mark.parametrize("before", [[BODY], [{**BODY, "more_body": True}, BODY]])
def test_a_client_that_disconnects_ends_the_work(before: list[Message]) -> None:
    app = run(*before, {"type": "http.disconnect"})
    assert app.ended is ClientGone
    assert app.last == {"type": "http.disconnect"}


def test_a_client_that_waits_is_worked_for() -> None:
    assert run(BODY).ended is None
