"""Web pages of other origins: none may call the API unless the operator lists it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import ValidationError

from speakerid.settings import Settings
from tests.api.asking import DEFAULT, SPEAKERS, refused
from tests.api.conftest import ClientMaker, Scoped
from tests.api.streaming import STREAM, events, refusal

PAGE = "https://app.example.org"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization,if-match,traceparent",
}


@pytest.fixture
def listed(open_client: ClientMaker) -> TestClient:
    return open_client(cors_origins=f" {PAGE}/ , http://localhost:3000")


def allowed(answer: Any) -> str | None:
    found: str | None = answer.headers.get("access-control-allow-origin")
    return found


def test_no_origin_is_allowed_by_default(client: TestClient) -> None:
    assert allowed(client.options(SPEAKERS, headers=PREFLIGHT)) is None
    assert allowed(client.get(DEFAULT, headers={"Origin": "http://localhost:3000"})) is None


def test_a_listed_page_may_ask_before_it_has_a_key(listed: TestClient, key: Scoped) -> None:
    key("admin")
    answer = listed.options(SPEAKERS, headers=PREFLIGHT | {"Access-Control-Request-Private-Network": "true"})
    assert (answer.status_code, allowed(answer)) == (200, PAGE)
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_listed_page_reads_answers_and_what_their_headers_say(listed: TestClient) -> None:
    answer = listed.get(DEFAULT, headers={"Origin": PAGE})
    assert (answer.status_code, allowed(answer)) == (200, PAGE)
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "Retry-After", "X-Request-Id", "Location"} <= set(exposed)
    assert "Origin" in answer.headers["vary"]


def test_a_listed_page_needs_a_key_where_there_are_keys(listed: TestClient, key: Scoped) -> None:
    reader = key("read")
    answer = listed.get(SPEAKERS, headers={"Origin": PAGE})
    refused(answer, 401, "key_missing")
    assert allowed(answer) == PAGE  # so that the page can read why
    assert listed.get(SPEAKERS, headers=reader | {"Origin": PAGE}).status_code == 200


def test_another_page_is_refused_as_before(listed: TestClient) -> None:
    for origin in ("https://app.example.org.evil.example", "http://app.example.org", "null"):
        answer = listed.get(DEFAULT, headers={"Origin": origin})
        assert "Origin header" in refused(answer, 401, "key_missing")["detail"]
        assert allowed(answer) is None


def test_a_page_may_read_that_the_server_failed(listed: TestClient) -> None:
    assert isinstance(listed.app, FastAPI)

    @listed.app.get("/bug")
    def bug() -> None:
        raise ZeroDivisionError

    answer = listed.get("/bug", headers={"Origin": PAGE})
    refused(answer, 500, "internal_error")
    assert allowed(answer) == PAGE


def test_a_listed_page_may_open_a_live_stream(listed: TestClient) -> None:
    with listed.websocket_connect(STREAM, headers={"Origin": PAGE}) as live:
        live.send_json({})
        live.send_json({"type": "end"})
        assert [one["type"] for one in events(live)] == ["ready", "done"]
    with listed.websocket_connect(STREAM, headers={"Origin": "https://evil.example"}) as live:
        live.send_json({})
        assert refusal(live)[1] == 4401


def test_all_origins_are_allowed_with_keys_only(open_client: ClientMaker, key: Scoped) -> None:
    everyone = open_client(cors_origins="*")
    refused(everyone.get(DEFAULT, headers={"Origin": PAGE}), 401, "key_missing")
    answer = everyone.get(SPEAKERS, headers=key("read") | {"Origin": PAGE})
    assert (answer.status_code, allowed(answer)) == (200, "*")


@pytest.mark.parametrize("origins", ["app.example.org", "https://a.example.org/path", "https://*.example.org", "null"])
def test_what_is_no_origin_is_refused_at_the_start(origins: str) -> None:
    with pytest.raises(ValidationError, match="no web origin"):
        Settings(cors_origins=origins)


def test_origins_are_listed_as_browsers_send_them() -> None:
    found = Settings(cors_origins="HTTPS://App.Example.org/, http://127.0.0.1:5173,").allowed_origins
    assert found == ("https://app.example.org", "http://127.0.0.1:5173")
