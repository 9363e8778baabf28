"""Paths, methods and query parameters as clients and proxies write them."""

from __future__ import annotations

import asyncio

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from speakerid.api.middleware import PlainPaths
from tests.api.asking import DEFAULT, SPEAKERS, new_speaker, refused
from tests.sampled import ADA, probe

SOMEBODY = "spk_01JDQ3ZK8V6M4T2R9XWBYNHC5E"


@pytest.mark.parametrize("path", ["/healthz/", f"{DEFAULT}/", f"{SPEAKERS}/", f"/{DEFAULT}", f"//{SPEAKERS}/"])
def test_slashes_at_the_ends_change_nothing_and_nothing_is_redirected(client: TestClient, path: str) -> None:
    answer = client.get(f"http://127.0.0.1{path}", follow_redirects=False)
    assert (answer.status_code, answer.content) == (200, client.get(f"/{path.strip('/')}").content)


def test_a_post_with_a_slash_behind_keeps_its_body(client: TestClient) -> None:
    assert client.post(f"{DEFAULT}/identify/", content=probe(ADA), follow_redirects=False).status_code == 200
    made = client.post(f"{DEFAULT}/recordings/", content=probe(ADA), follow_redirects=False)
    assert made.headers["location"] == f"{DEFAULT}/recordings/{made.json()['id']}"


def test_a_wrong_method_with_a_slash_behind_is_405_and_no_redirect(client: TestClient) -> None:
    answer = client.delete(f"{DEFAULT}/identify/", follow_redirects=False)
    assert answer.headers["allow"] == "POST, OPTIONS"
    refused(answer, 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/V1/galleries", "Did you mean /v1/galleries?"),
        ("/v1/Galleries/default", "Did you mean /v1/galleries/default?"),
        ("/api/v1/galleries/default/speakers", "Did you mean /v1/galleries/default/speakers?"),
        (f"/V1/Galleries/default/Speakers/{SOMEBODY}", f"Did you mean {SPEAKERS}/{SOMEBODY}?"),
        (f"{DEFAULT}/Recordings/{SOMEBODY}", f"Did you mean {DEFAULT}/recordings/{SOMEBODY}?"),
        ("/v1/galleries//speakers", "Between two slashes a name or an id is missing."),
        (f"{SPEAKERS}//utterances", "Between two slashes a name or an id is missing."),
        ("/v1/nothing", "Not Found. See /openapi.json"),
        ("/v2/galleries", "Not Found. See /openapi.json"),
    ],
)
def test_an_address_that_is_nearly_right_is_corrected(client: TestClient, path: str, says: str) -> None:
    assert says in refused(client.get(path), 404, "no_such_path")["detail"]


def test_an_empty_id_never_reaches_what_is_above_it(client: TestClient) -> None:
    client.post("/v1/galleries", json={"name": "team"})
    for path in ("/v1/galleries/team/speakers/", "/v1/galleries/", "/v1/galleries/team//"):
        if path != "/v1/galleries/team//":
            assert client.delete(path).status_code == 405
    assert client.delete("/v1/galleries//team").status_code == 404
    assert client.get("/v1/galleries/team").status_code == 200


@pytest.mark.parametrize("path", ["/v1/galleries/%64efault", "/v1/galleries/default%2Fspeakers"])
def test_percent_encoding_means_the_character_itself(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


def test_an_id_may_be_percent_encoded(client: TestClient) -> None:
    ada = new_speaker(client, "Ada")
    assert client.get(f"{SPEAKERS}/{ada.replace('_', '%5F')}").json()["id"] == ada


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://127.0.0.1:8700/healthz", "/healthz"),  # of a client that believes it speaks to a proxy
        ("HTTPS://example.org/v1/galleries/", "/v1/galleries"),
        ("http://127.0.0.1", "/"),
        ("/http://127.0.0.1/healthz", "/http://127.0.0.1/healthz"),
        ("*", "*"),
        ("//v1//a/", "/v1//a"),
    ],
)
def test_a_target_is_the_path_in_it(target: str, path: str) -> None:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])

    async def nothing(*_: object) -> Message:
        return {}

    asyncio.run(PlainPaths(app)({"type": "http", "path": target}, nothing, nothing))  # type: ignore[arg-type]  # as little of ASGI as it uses
    assert seen == [path]


def test_options_of_everything_says_which_methods_there_are(client: TestClient) -> None:
    for path in ("/", "/console/main.js", "/console/i18n/en.json", "/docs", "/openapi.json", f"{DEFAULT}/stream"):
        answer = client.options(path)
        assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


def test_a_plain_request_for_a_live_stream_is_told_to_upgrade(client: TestClient) -> None:
    answer = client.get(f"{DEFAULT}/stream")
    refused(answer, 426, "websocket_expected")
    assert answer.headers["upgrade"] == "websocket"


@pytest.mark.parametrize("query", ["limit=5&limit=6", "name=Ada&name=Ada", "cursor=&cursor="])
def test_a_parameter_that_is_there_twice_is_refused(client: TestClient, query: str) -> None:
    detail = refused(client.get(f"{SPEAKERS}?{query}"), 422, "invalid_request")["detail"]
    assert detail == f"The query parameter '{query.partition('=')[0]}' is there 2 times. Send it once."


@pytest.mark.parametrize("name", ["limit", "cursor", "name", "external_id"])
def test_an_empty_parameter_is_named(client: TestClient, name: str) -> None:
    detail = refused(client.get(f"{SPEAKERS}?{name}="), 422, "invalid_request")["detail"]
    assert detail == f"query.{name} is empty. Give it a value, or leave it out."


def test_an_empty_list_of_codes_is_none(client: TestClient) -> None:
    url = f"{SPEAKERS}/{new_speaker(client, 'Ada')}/utterances?accept="
    assert client.post(url, content=probe(ADA)).status_code == 201


@pytest.mark.parametrize("query", ["_=1732752000", "name[]=Ada", "limit=5;name=Ada", "Limit=5"])
def test_a_parameter_that_is_not_there_is_never_ignored(client: TestClient, query: str) -> None:
    refused(client.get(f"{SPEAKERS}?{query}"), 422, "invalid_request")


@pytest.mark.parametrize("accept", ["application/xml", "text/html", "*/*", "application/json;q=0", "nonsense"])
def test_json_is_answered_whatever_else_would_be_accepted(client: TestClient, accept: str) -> None:
    answer = client.get(DEFAULT, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
