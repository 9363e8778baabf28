"""The page /docs says what the OpenAPI document says, and loads nothing."""

from __future__ import annotations

import re
from html import unescape

import pytest
from fastapi.testclient import TestClient

from speakerid.api.reference import page
from tests.api.conftest import ClientMaker, Scoped


@pytest.fixture
def html(client: TestClient) -> str:
    answer = client.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return answer.text


def test_every_operation_and_schema_is_there(client: TestClient, html: str) -> None:
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"<b>{method.upper()}</b><code>{path}</code>" in html
    for name in document["components"]["schemas"]:
        assert f"id='{name}'" in html


def test_every_link_leads_somewhere_on_this_server(html: str) -> None:
    links = set(re.findall(r"(?:href|src|action)=['\"]?([^'\" >]+)", html))
    inside = {link for link in links if link.startswith("#")}
    assert links - inside == {"/openapi.json"}
    assert inside
    for link in inside:
        assert f"id='{link[1:]}'" in html


def test_nothing_is_loaded_from_anywhere(client: TestClient, html: str) -> None:
    assert re.findall(r"<(?:script|link|img|iframe|object)", html) == []
    assert "default-src 'none'" in client.get("/docs").headers["content-security-policy"]
    assert "url(" not in html
    assert "@import" not in html


def test_it_needs_no_key(open_client: ClientMaker, key: Scoped) -> None:
    key("admin")
    assert open_client(host="0.0.0.0").get("/docs").status_code == 200


def test_commands_are_there_to_copy(html: str) -> None:
    shown = unescape(html)
    assert "curl http://127.0.0.1:8700/v1/galleries/{gallery}/identify --data-binary @audio.wav" in shown
    assert "curl -X POST http://127.0.0.1:8700/v1/galleries -H 'Content-Type: application/json' -d '{…}'" in shown


def test_text_of_the_document_is_no_html() -> None:
    operation = {"tags": ["a"], "summary": "<b>", "description": "<script>x</script>", "responses": {}}
    document = {
        "info": {"title": "<i>", "version": "1", "description": "<u>"},
        "paths": {"/<p>": {"get": operation}},
        "components": {"schemas": {"One": {"properties": {"<field>": {"type": "<type>", "description": "<d>"}}}}},
    }
    found = page(document)
    for raw in ("<i>", "<u>", "<script>", "/<p>", "<field>", "<type>", "<d>"):
        assert raw not in found
