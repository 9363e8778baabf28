"""The OpenAPI document: /openapi.json for programs, and /docs for people, plain HTML made here. It loads nothing.

Both are made once, in a thread: that takes a third of a second, for which no other request waits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from speakerid.api.parameters import StrictRoute

Json = Mapping[str, Any]
router = APIRouter(route_class=StrictRoute)
# Not even by mistake: a browser that obeys it asks no one for anything.
NOTHING_ELSE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'"}
STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
summary { cursor: pointer; padding: .3rem 0 }
summary b { display: inline-block; width: 4.5rem }
details > *:not(summary) { margin-left: 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow: auto; padding: .6rem; border: 1px solid #8886; border-radius: 4px }
table { border-collapse: collapse }
td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0 }
"""
METHODS = ("get", "post", "patch", "put", "delete")


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    return Response(_document(request.app), media_type="application/json")


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    return HTMLResponse(_page(request.app), headers=NOTHING_ELSE)


@cache  # an application never changes once it serves
def _document(app: FastAPI) -> bytes:
    return json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()


@cache
def _page(app: FastAPI) -> str:
    return page(app.openapi())


def page(document: Json) -> str:
    """HTML of an OpenAPI document."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    about = "".join(f"<p>{escape(part)}</p>" for part in info["description"].split("\n\n"))
    parts = [*_operations(document), "<h2 id=schemas>Schemas</h2>", *_schemas(document["components"]["schemas"])]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{title}</title><style>{STYLE}</style><h1>{title}</h1>{about}"
        "<p>For programs: <a href=/openapi.json>/openapi.json</a>. With keys, every request to /v1 needs the header "
        f"<code>Authorization: Bearer sid_…</code>.</p>{''.join(parts)}"
    )


def _operations(document: Json) -> Iterator[str]:
    tags: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                tags.setdefault(methods[method]["tags"][0], []).append(_operation(method, path, methods[method]))
    for tag, blocks in tags.items():
        yield f"<h2>{escape(tag.capitalize())}</h2>{''.join(blocks)}"


def _operation(method: str, path: str, operation: Json) -> str:
    head = f"<b>{method.upper()}</b><code>{escape(path)}</code> {escape(operation['summary'])}"
    parts = [
        f"<p>{escape(operation['description'])}</p>",
        _parameters(operation.get("parameters", ())),
        _body(operation),
    ]
    parts += [f"<pre>{escape(_curl(method, path, operation))}</pre>", _answers(operation["responses"])]
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _parameters(parameters: Iterable[Json]) -> str:
    rows = [
        (
            f"<code>{escape(one['name'])}</code>",
            one["in"] + (", needed" if one.get("required") else ""),
            _type(one["schema"]),
            escape(one.get("description", "")),
        )
        for one in parameters
    ]
    return _table(("parameter", "in", "type", ""), rows)


def _body(operation: Json) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    kinds = "; ".join(f"<code>{escape(kind)}</code>: {_type(one['schema'])}" for kind, one in content.items())
    return f"<p>Body: {kinds}. {escape(operation['requestBody'].get('description', ''))}</p>" if content else ""


def _answers(responses: Json) -> str:
    rows = []
    for status, one in responses.items():
        content: Json = next(iter(one.get("content", {}).values()), {})
        example = f"<pre>{escape(_pretty(content['example']))}</pre>" if "example" in content else ""
        rows.append((escape(status), escape(one["description"]), _type(content.get("schema", {})), example))
    return _table(("status", "answer", "type", "example"), rows)


def _curl(method: str, path: str, operation: Json) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    asked = "" if method == "get" else f"-X {method.upper()} "
    if "audio/*" in content:
        return f"curl http://127.0.0.1:8700{path} --data-binary @audio.wav"
    if content:
        return f"curl {asked}http://127.0.0.1:8700{path} -H 'Content-Type: application/json' -d '{{…}}'"
    return f"curl {asked}http://127.0.0.1:8700{path}"


def _schemas(schemas: Json) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        needed = schema.get("required", ())
        rows = [
            (
                f"<code>{escape(field)}</code>",
                "needed" if field in needed else "",
                _type(one),
                escape(one.get("description", "")),
            )
            for field, one in schema.get("properties", {}).items()
        ]
        about = f"<p>{escape(schema.get('description', ''))}</p>{_table(('field', '', 'type', ''), rows)}"
        yield f"<details id='{escape(name)}'><summary>{escape(name)}</summary>{about}</details>"


def _type(schema: Json) -> str:
    """In words; schemas with a name as links."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(one) for one in several)
    if "const" in schema or "enum" in schema:
        return ", ".join(f"<code>{escape(json.dumps(one))}</code>" for one in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else "list"
    return escape(str(schema.get("format") or schema.get("type", "")))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows]
    return f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>{''.join(lines)}</table>"


def _pretty(example: object) -> str:
    return example if isinstance(example, str) else json.dumps(example, indent=1, ensure_ascii=False)
