"""Every error has its status, and every refusal is a problem document."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from speakerid import errors
from speakerid.api.errors import status_of
from tests.api.asking import DEFAULT, SPEAKERS, refused
from tests.api.conftest import ClientMaker


def every_error(kind: type[errors.SpeakeridError] = errors.SpeakeridError) -> Iterator[type[errors.SpeakeridError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__.startswith(f"{errors.__name__}."):
            yield from every_error(child)


LEAVES = [kind for kind in every_error() if not kind.__subclasses__()]


@pytest.mark.parametrize("kind", LEAVES)
def test_every_error_is_mapped(kind: type[errors.SpeakeridError]) -> None:
    assert HTTPStatus(status_of(kind))
    assert (status_of(kind) == 503) is issubclass(kind, errors.StoreUnavailable | errors.EncoderWorkerLost)


def test_an_error_without_a_status_is_noticed() -> None:
    with pytest.raises(LookupError):
        status_of(errors.SpeakeridError)


def test_codes_are_distinct() -> None:
    assert [code for code, times in Counter(kind.code for kind in every_error()).items() if times > 1] == []


def test_the_tree_names_every_error() -> None:
    named = set(re.findall(r"\w+", errors.__doc__ or ""))
    assert {kind.__name__ for kind in every_error()} - named == set()


def test_a_problem_document_has_its_fields(client: TestClient) -> None:
    answer = client.get("/v1/galleries/nowhere")
    body = refused(answer, 404, "gallery_not_found")
    sentence = "There is no gallery 'nowhere'. Create it first, or check the name."
    assert body == {
        "type": "urn:speakerid:error:gallery_not_found",
        "title": "Not Found",
        "status": 404,
        "detail": sentence,
        "code": "gallery_not_found",
        "error": sentence,
        "request_id": answer.headers["x-request-id"],
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "no_such_path"),
        ("GET", "/console/nothing.js", 404, "no_such_path"),
        ("PUT", DEFAULT, 405, "method_not_allowed"),
        ("GET", f"{DEFAULT}/speakers?limit=0", 422, "invalid_request"),
        ("GET", f"{DEFAULT}/speakers?limit=many", 422, "invalid_request"),
        ("GET", f"/v1/galleries/{'x' * 65}", 422, "invalid_request"),
        ("POST", f"{DEFAULT}/identify?top_k=101", 422, "invalid_request"),
    ],
)
def test_what_fastapi_refuses_looks_the_same(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    refused(client.request(method, path, content=b"RIFF"), status, code)


def test_the_callers_request_id_is_kept_when_it_is_plain(client: TestClient) -> None:
    for sent, kept in (("trace-4711.a_b", True), ("a b", False), ("x" * 65, False), ("<script>", False)):
        found = client.get("/healthz", headers={"X-Request-Id": sent}).headers["x-request-id"]
        assert (found == sent) is kept


def test_a_bug_is_a_problem_document_too(open_client: ClientMaker, caplog: pytest.LogCaptureFixture) -> None:
    client = open_client()
    app: Any = client.app
    assert isinstance(app, FastAPI)

    @app.get("/bug")
    def bug() -> None:
        raise ZeroDivisionError

    answer = client.get("/bug", headers={"X-Request-Id": "trace-1"})
    body = refused(answer, 500, "internal_error")
    assert (body["request_id"], answer.headers["x-request-id"]) == ("trace-1", "trace-1")
    assert "ZeroDivisionError" not in answer.text
    assert "trace-1" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_field_that_is_half_a_character_is_quoted_safely(open_client: ClientMaker) -> None:
    body = json.dumps({"name": "Ada", "\ud800": 1})
    answer = open_client().post(SPEAKERS, content=body, headers={"Content-Type": "application/json"})
    refused(answer, 422, "invalid_request")


def test_a_body_that_is_not_json_is_refused(client: TestClient) -> None:
    answer = client.post(SPEAKERS, content='{"name" "Ada"}', headers={"Content-Type": "application/json"})
    sentence = "The body is not JSON (Expecting ':' delimiter, character 8). "
    sentence += "Send one JSON object in UTF-8, with the header 'Content-Type: application/json'."
    assert refused(answer, 422, "invalid_request")["detail"] == sentence
