from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from speakerid.client import Client, ClientError
from speakerid.client.wire import RETRIES, RETRY_AFTER_MAX_S
from speakerid.types import Readiness, Speaker, to_json

FULL = {"code": "overloaded", "detail": "The server is full.", "request_id": "r1"}
ANSWERS = Readiness(True, "ok", "ok", None, None)
READY: dict[str, object] = to_json(ANSWERS)
ADA: dict[str, object] = to_json(
    Speaker("spk_1", "Ada", None, {}, {}, "new", 0, 0.0, 10.0, datetime(2026, 1, 31, tzinfo=UTC), '"v1"')
)


def _client(
    answer: Callable[[httpx.Request], httpx.Response], url: str = "http://there", key: str | None = None
) -> Client:
    return Client(url, key, transport=httpx.MockTransport(answer))


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client waited, without waiting."""
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


def test_a_full_server_is_asked_again_after_the_time_it_names(slept: list[float]) -> None:
    answers = iter([httpx.Response(429, headers={"Retry-After": "3"}, json=FULL), httpx.Response(200, json=READY)])
    assert _client(lambda _: next(answers)).ready() == ANSWERS
    assert slept == [3.0]


@pytest.mark.parametrize(
    ("header", "waited"),
    [
        ({}, 1.0),
        ({"Retry-After": "86400"}, RETRY_AFTER_MAX_S),
        ({"Retry-After": "-1"}, 0.0),
        ({"Retry-After": "Fri"}, 1.0),
    ],
)
def test_patience_is_bounded(slept: list[float], header: dict[str, str], waited: float) -> None:
    with pytest.raises(ClientError) as refused:
        _client(lambda _: httpx.Response(429, headers=header, json=FULL)).ready()
    assert (refused.value.code, refused.value.status, refused.value.request_id) == ("overloaded", 429, "r1")
    assert slept == [waited] * RETRIES


def test_the_body_is_sent_whole_again(slept: list[float]) -> None:
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return httpx.Response(429, json=FULL) if len(bodies) == 1 else httpx.Response(422, json=FULL)

    with pytest.raises(ClientError):
        _client(answer).identify(b"RIFF")
    assert bodies == [b"RIFF", b"RIFF"]
    assert len(slept) == 1


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.ReadError("reset")])
def test_connection_trouble_has_one_code(error: Exception) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(ClientError, match="http://there") as refused:
        _client(answer).ready()
    assert (refused.value.code, refused.value.status) == ("server_unreachable", None)


@pytest.mark.parametrize("url", ["there", "ftp://there", "http://"])
def test_a_wrong_address_is_a_sentence(url: str) -> None:
    with Client(url) as client, pytest.raises(ClientError) as refused:
        client.ready()
    assert refused.value.code == "server_unreachable"


def test_a_dead_port_is_unreachable() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(ClientError, match="cannot be reached"):
        client.ready()


@pytest.mark.parametrize("body", [b"<html>bad gateway</html>", b"[]", b'{"code": 1}', b""])
def test_an_error_that_is_no_problem_document_keeps_its_status(body: bytes) -> None:
    with pytest.raises(ClientError) as refused:
        _client(lambda _: httpx.Response(502, content=body)).galleries()
    assert (refused.value.code, refused.value.status) == ("http_502", 502)


def test_an_answer_that_is_not_json_is_an_error() -> None:
    with pytest.raises(ClientError) as refused:
        _client(lambda _: httpx.Response(200, content=b"<html>welcome</html>")).ready()
    assert refused.value.code == "unexpected_answer"


@pytest.mark.parametrize("body", [{}, [], {"ready": "perhaps"}, READY | {"database": "asleep"}])
def test_an_answer_of_another_shape_is_an_error(body: object) -> None:
    with pytest.raises(ClientError, match="of one version") as refused:
        _client(lambda _: httpx.Response(200, json=body)).ready()
    assert refused.value.code == "unexpected_answer"


def test_fields_of_a_later_server_are_left_out() -> None:
    assert _client(lambda _: httpx.Response(200, json=READY | {"mood": "fine"})).ready() == ANSWERS


def test_a_server_that_is_not_ready_says_so_in_its_answer() -> None:
    answer = READY | {"ready": False, "reason": "The disk is full."}
    found = _client(lambda _: httpx.Response(503, json=answer)).ready()
    assert (found.ready, found.reason) == (False, "The disk is full.")


def test_the_key_goes_in_the_header_and_nowhere_else() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer sid_x"
        assert "sid_x" not in str(request.url)
        return httpx.Response(200, json=READY)

    _client(answer, key="sid_x").ready()


def test_the_address_may_end_with_a_slash_or_a_path() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=READY | {"reason": request.url.path})

    assert _client(answer, "http://there/voices/").ready().reason == "/voices/readyz"


def test_a_speaker_is_only_erased_after_a_refusal_and_only_unchanged(slept: list[float]) -> None:
    seen: list[tuple[str, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.headers.get("If-Match")))
        if request.method == "GET":
            return httpx.Response(200, json={"items": [], "next_cursor": None})
        if request.method == "DELETE":
            return httpx.Response(204)
        if request.url.path.endswith("/utterances"):
            return httpx.Response(422, json={"code": "too_little_speech", "detail": "Too little."})
        return httpx.Response(201, json=ADA)

    with pytest.raises(ClientError, match="Too little"):
        _client(answer).enroll("Ada", b"x")
    assert seen[-1] == ("DELETE", '"v1"')


def test_a_lost_connection_erases_no_speaker() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        if request.method == "GET":
            return httpx.Response(200, json={"items": [], "next_cursor": None})
        if request.url.path.endswith("/utterances"):
            raise httpx.ReadError("reset")  # it may have been enrolled
        return httpx.Response(201, json=ADA)

    with pytest.raises(ClientError):
        _client(answer).enroll("Ada", b"x")
    assert "DELETE" not in seen


@pytest.mark.parametrize(
    ("status", "headers", "says"),
    [
        (301, {"Location": "https://voices.example.org/readyz"}, "leads to: https://voices.example.org/readyz"),
        (413, {}, "client_max_body_size"),
        (502, {}, "cannot reach it"),
        (503, {}, "try again later"),
        (504, {}, "proxy_read_timeout"),
        (418, {}, "Check the address."),
    ],
)
def test_an_answer_of_something_in_between_says_what_to_do(status: int, headers: dict[str, str], says: str) -> None:
    page = httpx.Response(status, headers=headers, text="<html>nginx</html>")
    with pytest.raises(ClientError) as refused:
        _client(lambda _: page).identify(b"audio")
    assert (refused.value.code, refused.value.status) == (f"http_{status}", status)
    assert says in refused.value.detail
    assert "top_k" not in refused.value.detail


def test_a_busy_store_is_asked_again(slept: list[float]) -> None:
    busy = {"code": "store_busy", "detail": "Busy. Try again."}
    answers = iter([httpx.Response(503, headers={"Retry-After": "5"}, json=busy), httpx.Response(204)])
    _client(lambda _: next(answers)).delete_gallery("team")
    assert slept == [5.0]


@pytest.mark.parametrize("code", ["store_unavailable", "store_replaced", "store_read_only", None])
def test_what_may_have_been_done_is_not_sent_again(slept: list[float], code: str | None) -> None:
    body = {"text": "<html>nginx</html>"} if code is None else {"json": {"code": code, "detail": "The store is gone."}}
    answers = iter([httpx.Response(503, headers={"Retry-After": "5"}, **body)])
    with pytest.raises(ClientError) as refused:
        _client(lambda _: next(answers)).create_speaker("Ada")
    assert (refused.value.code, slept) == (code or "http_503", [])


def test_an_answer_that_is_no_json_is_told_without_what_was_asked_for() -> None:
    with pytest.raises(ClientError) as refused:
        _client(lambda _: httpx.Response(200, text="<html>")).send_recording(b"audio", name="Ada Lovelace")
    assert refused.value.code == "unexpected_answer"
    assert "recordings" in refused.value.detail
    assert "Ada" not in refused.value.detail
