"""The OpenAPI document tells the truth: every answer is described, and generated requests meet no surprise."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from speakerid.services.engine import Engine
from tests.api.asking import DEFAULT, new_speaker
from tests.api.conftest import ClientMaker
from tests.conftest import STORES
from tests.db.rows import unit
from tests.services.kept import inbox, keep_recording, stranger

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OTHER_KINDS = {"events": "text/event-stream", "audio": "audio/wav"}
METHODS = ("get", "post", "patch", "delete", "put")
OPENAIS = "post /v1/audio/transcriptions"  # whose clients expect errors of another shape


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Both, because generated text meets the store."""
    kind: str = request.param
    return kind


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    paths = document["paths"].items()
    return {f"{method} {path}": item[method] for path, item in paths for method in METHODS if method in item}


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_every_answer_is_described(client: TestClient) -> None:
    for name, operation in operations(client.get("/openapi.json").json()).items():
        assert operation.get("description"), name
        for status, response in operation["responses"].items():
            if "content" not in response:
                assert status == "204" or (status, name.partition(" ")[0]) == ("202", "delete"), (name, status)
                continue
            ((kind, content),) = response["content"].items()
            assert content.get("schema") or content.get("example"), (name, status)
            plain = status < "300" or (name, status) == ("get /readyz", "503")
            if plain and (other := OTHER_KINDS.get(name.rpartition("/")[2])):
                assert kind == other
                continue
            if name.endswith("/export") and plain:
                assert kind == "application/zip"
                continue
            if name == "get /metrics" and plain:
                assert kind == "text/plain"
                continue
            json = plain or name == OPENAIS
            assert kind == ("application/json" if json else "application/problem+json"), (name, status)


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_every_refusal_is_a_problem(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    openais = {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIError"}}}
    for name, operation in operations(document).items():
        refusals = {status: one for status, one in operation["responses"].items() if status >= "400"}
        if name not in ("get /healthz", "get /readyz"):
            assert {"401", "403", "500"} <= set(refusals), name
            for one in refusals.values():
                shown = {kind: {"schema": content["schema"]} for kind, content in one["content"].items()}
                assert shown == (openais if name == OPENAIS else problem), name


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_every_reference_leads_somewhere(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        target = document
        for part in reference.split("/"):
            target = target[part]


def test_generated_requests_meet_no_surprise(engine: Engine, open_client: ClientMaker) -> None:
    """For every route: no 5xx, no status, type or shape that the document does not name."""
    client = open_client()
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    assert len(found) == len(operations(client.get("/openapi.json").json()))
    for number, operation in enumerate(found):
        client.patch(DEFAULT, json={"keep_unknown_voices": True})
        keep_recording(engine, stranger(unit(1)), gallery="default")
        ada = new_speaker(client, "Ada", external_id=f"{number}")  # another one may have opted out
        _try(operation, {"speaker_id": ada, "unknown_id": inbox(engine, "default")[-1].id})


def _try(operation: Any, there: dict[str, str]) -> None:
    """Half of the generated requests go to the speaker, or the unknown voice, who is there."""

    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(), real=st.booleans())
    def check(case: Any, real: bool) -> None:
        if real:
            wanted = {"gallery": "default"} | there
            case.path_parameters |= {name: wanted[name] for name in case.path_parameters.keys() & wanted.keys()}
        answer = case.call(base_url="http://127.0.0.1")
        case.validate_response(answer, checks=CHECKS)

    check()
