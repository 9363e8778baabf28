"""Every route of a service as its OpenAPI document lists it, and requests to it made of ids at hand."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

Json = dict[str, Any]
JSON_TYPE = "application/json"
ANSWER_S = 60.0


@dataclass(frozen=True)
class Route:
    method: str
    path: str  # /v1/galleries/{gallery}/speakers/{speaker_id}
    query: tuple[str, ...]  # names of its query parameters
    body: Json | None  # the schema of a JSON body, references resolved; None: no JSON
    audio: bool  # takes a recording

    @property
    def names(self) -> tuple[str, ...]:
        """Of what the path has room for."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    def fill(self, ids: Mapping[str, str]) -> str:
        return re.sub(r"{(\w+)}", lambda found: quote(ids[found[1]], safe=""), self.path)


@dataclass(frozen=True)
class Request:
    method: str
    target: str  # path and query, sent as they are
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def names(self, text: str) -> bool:
        """Whether the caller sent `text` themselves: to get it back reveals nothing."""
        return text in self.target or text.encode() in self.body or any(text in one for one in self.headers.values())


@dataclass(frozen=True)
class RouteAnswer:
    status: int
    text: str


def routes(document: Json) -> Iterator[Route]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            body = _resolved(content[JSON_TYPE]["schema"], document) if JSON_TYPE in content else None
            query = tuple(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query")
            yield Route(method.upper(), path, query, body, "application/octet-stream" in content)


def request(
    route: Route,
    ids: Mapping[str, str],
    values: Mapping[str, str],
    audio: bytes,
    headers: Mapping[str, str],
    query: Mapping[str, str] | None = None,
) -> Request:
    """`ids` fill the path; `values`, by the names of fields, the JSON body."""
    target = route.fill(ids) + (f"?{urlencode(query)}" if query else "")
    if route.body is not None and not route.audio:  # of two kinds of body, audio
        known = {name: values[name] for name in route.body.get("properties", {}) if name in values}
        return Request(route.method, target, json.dumps(known).encode(), {**headers, "Content-Type": JSON_TYPE})
    return Request(route.method, target, audio if route.audio else b"", headers)


def send(url: str, request: Request) -> RouteAnswer:
    """On a connection of its own, with nothing in the path made pretty."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_S)
    try:
        connection.request(request.method, request.target, request.body, dict(request.headers))
        answer = connection.getresponse()
        return RouteAnswer(answer.status, answer.read().decode("utf-8", "replace"))
    finally:
        connection.close()


def _resolved(schema: Json, document: Json) -> Json:
    """Follow one reference, also inside `anyOf` of an optional body."""
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            found: Json = document["components"]["schemas"][one["$ref"].rpartition("/")[2]]
            return found
    return schema
