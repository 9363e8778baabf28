"""The reference page says what the OpenAPI document says."""

from __future__ import annotations

from typing import Any

import pytest

from recipes.docs_site.http_reference import METHODS, document, page


@pytest.fixture(scope="module")
def described() -> Any:
    return document()


@pytest.fixture(scope="module")
def text(described: Any) -> str:
    return page(described)


def test_every_route_has_its_parameters_and_every_schema_an_anchor(described: Any, text: str) -> None:
    for path, methods in described["paths"].items():
        for method in (one for one in METHODS if one in methods):
            (part,) = text.split(f"\n`{method.upper()} {path}`\n")[1:]
            own = part.partition("\n### ")[0]
            assert [one for one in methods[method].get("parameters", ()) if f"| `{one['name']}` |" not in own] == []
    assert [
        name for name in described["components"]["schemas"] if f"### {name} {{ #schema-{name.lower()} }}" not in text
    ] == []


def test_an_answer_is_shown_with_its_type_and_its_example(text: str) -> None:
    identify = text.partition("`POST /v1/galleries/{gallery}/identify`")[2].partition("\n### ")[0]
    assert (
        '**200** Successful Response: [Identification](#schema-identification)\n\n```json\n{\n "decision": "accept"'
        in identify
    )
    assert '"code": "gallery_not_found"' in identify
    assert "Also, as a [Problem](#schema-problem): 401 Unauthorized" in identify


def test_a_parameter_has_its_default_and_its_meaning(text: str) -> None:
    assert "| `top_k` | query | integer | `5` | Most candidates in the answer. |" in text


def test_text_of_the_document_is_no_markdown_table_and_no_html(text: str) -> None:
    schema = {"properties": {"a": {"type": "string", "description": "one |\ntwo"}}}
    info = {"description": "About."}
    made = page({"info": info, "paths": {}, "components": {"schemas": {"One": schema}}})
    assert "| `a` | string |  | one \\| two |" in made
    assert "<" not in text  # what a page would hide
