"""One line a request: what was asked by its route, and how it ended. No address, no name, no id of anybody."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.asking import DEFAULT, SPEAKERS, new_speaker
from tests.api.conftest import ClientMaker
from tests.api.streaming import STREAM, answers


@pytest.fixture
def api(open_client: ClientMaker, caplog: pytest.LogCaptureFixture) -> TestClient:
    caplog.set_level(logging.INFO, "speakerid.requests")
    return open_client()


def log_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record)["fields"] for record in caplog.records if record.name == "speakerid.requests"]


def test_a_request_is_told_by_its_route(api: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    answer = api.get(SPEAKERS, params={"name": "Ada"}, headers={"X-Request-Id": "mine-1"})
    (line,) = log_lines(caplog)
    assert 0.0 < line.pop("duration_s") < 60.0
    assert line == {
        "request_id": "mine-1",
        "method": "GET",
        "route": "/v1/galleries/{gallery}/speakers",
        "status": 200,
        "problem": None,
    }
    assert answer.headers["x-request-id"] == "mine-1"


def test_a_refusal_is_told_with_its_code_and_the_id_that_its_caller_has(
    api: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    problem = api.get("/v1/galleries/lovelace").json()
    (line,) = log_lines(caplog)
    assert (line["status"], line["problem"]) == (404, "gallery_not_found")
    assert line["request_id"] == problem["request_id"]


@pytest.mark.parametrize("given", ["two words", "ü", "x" * 65, "a\tb", ""])
def test_an_id_that_could_spoil_a_log_is_replaced(
    api: TestClient, caplog: pytest.LogCaptureFixture, given: str
) -> None:
    answer = api.get("/healthz", headers=[(b"X-Request-Id", given.encode())])
    assert log_lines(caplog)[0]["request_id"] == answer.headers["x-request-id"] != given


def test_a_bug_is_told_as_one(api: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    state = api.app.state  # type: ignore[attr-defined]  # a FastAPI
    state.engine = replace(state.engine, database=None)
    answer = api.get(DEFAULT)
    (line,) = log_lines(caplog)
    assert (line["status"], answer.status_code) == (500, 500)
    assert line["request_id"] == answer.json()["request_id"]


def test_a_live_stream_is_told_when_it_ends(api: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    answers(api, b"")
    refused = answers(api, b"", url=STREAM.replace("default", "lovelace"))[-1]["problem"]
    done, gone = log_lines(caplog)
    assert (done["method"], done["status"], done["problem"]) == ("WEBSOCKET", 101, None)
    assert (gone["status"], gone["problem"]) == (404, "gallery_not_found")
    assert gone["request_id"] == refused["request_id"]


def test_nobody_is_named(api: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    api.post("/v1/galleries", json={"name": "lovelace"})
    ada = new_speaker(api, "Ada", "lovelace")
    api.get(f"/v1/galleries/lovelace/speakers/{ada}")
    api.get("/Ada/lovelace", params={"name": "Ada"})
    text = " ".join(record.getMessage() for record in caplog.records) + str(log_lines(caplog))
    assert [word for word in ("lovelace", ada, "Ada") if word in text] == []
    assert len(log_lines(caplog)) == 4
