"""The OpenAPI document of the service as one Markdown page: routes, parameters, bodies, answers, schemas."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from speakerid.api.app import create_app
from speakerid.services.engine import Engine
from speakerid.settings import Settings

Json = Mapping[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
INTRODUCTION = """# HTTP reference

Made from the OpenAPI document of this version, which a running service gives as `/openapi.json`; `/docs` shows it.
How bodies may come, what proxies need and when to try again: [HTTP in practice](http.md).
With keys, every request to `/v1` needs the header `Authorization: Bearer sid_…`.
"""


def document() -> Json:
    """Of the service with its own defaults. Nothing is opened for it."""
    return create_app(cast(Engine, None), Settings()).openapi()


def page(document: Json) -> str:
    blocks = [INTRODUCTION, document["info"]["description"]]
    for tag, operations in _by_tag(document).items():
        blocks += [f"## {tag.capitalize()}", *operations]
    blocks += ["## Schemas", *_schemas(document["components"]["schemas"])]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _by_tag(document: Json) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                tags.setdefault(methods[method]["tags"][0], []).extend(_operation(method, path, methods[method]))
    return tags


def _operation(method: str, path: str, operation: Json) -> Iterator[str]:
    yield f"### {operation['summary']}"
    yield f"`{method.upper()} {path}`"
    yield operation["description"]
    yield _parameters(operation.get("parameters", ()))
    yield _body(operation.get("requestBody", {}))
    refused = []
    for status, answer in operation["responses"].items():
        content: Json = next(iter(answer.get("content", {}).values()), {})
        if status >= "400" and "example" not in content:
            refused.append(f"{status} {answer['description']}")
        else:
            yield _answer(status, answer["description"], content)
    if refused:
        yield f"Also, as a [Problem](#schema-problem): {', '.join(refused)}."


def _parameters(parameters: Iterable[Json]) -> str:
    rows = [
        (
            f"`{one['name']}`",
            one["in"] + (", required" if one.get("required") else ""),
            _type(one["schema"]),
            _default(one["schema"]),
            one.get("description", ""),
        )
        for one in parameters
    ]
    return _table(("parameter", "in", "type", "default", "meaning"), rows)


def _body(body: Json) -> str:
    kinds = "; ".join(f"`{kind}`: {_type(one['schema'])}" for kind, one in body.get("content", {}).items())
    return f"Body: {kinds}. {body.get('description', '')}".strip() if kinds else ""


def _answer(status: str, description: str, content: Json) -> str:
    kind = _type(content.get("schema", {}))
    head = f"**{status}** {description}" + (f": {kind}" if kind else "")
    return f"{head}\n\n{_example(content['example'])}" if "example" in content else head


def _example(example: object) -> str:
    text = example if isinstance(example, str) else json.dumps(example, indent=1, ensure_ascii=False)
    return f"```{'text' if isinstance(example, str) else 'json'}\n{text.strip()}\n```"


def _schemas(schemas: Json) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        needed = schema.get("required", ())
        rows = [
            (
                f"`{field}`" + (", required" if field in needed else ""),
                _type(one),
                _default(one),
                one.get("description", ""),
            )
            for field, one in schema.get("properties", {}).items()
        ]
        yield f"### {name} {{ #schema-{name.lower()} }}"
        yield schema.get("description", "")
        yield _table(("field", "type", "default", "meaning"), rows)


def _type(schema: Json) -> str:
    """In words; schemas with a name as links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#schema-{name.lower()})"
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(one) for one in several)
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{json.dumps(one)}`" for one in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else "list"
    return str(schema.get("format") or schema.get("type", ""))


def _default(schema: Json) -> str:
    return "" if schema.get("default") is None else f"`{json.dumps(schema['default'], ensure_ascii=False)}`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) if rows else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
