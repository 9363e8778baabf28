"""HEAD, OPTIONS and Allow."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.api.asking import DEFAULT, SPEAKERS, refused
from tests.api.conftest import Scoped
from tests.sampled import ADA, probe


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
