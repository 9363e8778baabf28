"""How errors look in the OpenAPI document."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from speakerid.errors import GalleryNotFound
from speakerid.types import Review


class Problem(BaseModel):
    """RFC 9457, with a stable `code` for programs and the sentence twice: many clients look for `error`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    error: str
    request_id: str
    review: Review | None = None  # what the enrollment coach heard, where it refused
    speaker_id: str | None = None  # who has the voice already


# No HTTP, a body too slow or too large, a share used up, a head too large.
ON_ANY_ROUTE = (400, 408, 413, 429, 431, 500)
_SENTENCE = str(GalleryNotFound("team"))
EXAMPLE = Problem(
    type="urn:speakerid:error:gallery_not_found",
    title="Not Found",
    status=404,
    detail=_SENTENCE,
    code=GalleryNotFound.code,
    error=_SENTENCE,
    request_id="9f2c61d07be34a18",
)


def describe_problems(app: FastAPI) -> None:
    """Add the Problem schema that every route's error responses point to, and what it is made of."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        document = build()
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        named = schema.pop("$defs") | {"Problem": schema}
        document["components"]["schemas"] = named | document["components"]["schemas"]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents for extending the document


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these error statuses, and those that any may answer with."""
    return {status: _documented(status) for status in (*statuses, *ON_ANY_ROUTE)}


def _documented(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    example = EXAMPLE.model_dump() | {"status": status, "title": HTTPStatus(status).phrase}
    content = {"application/problem+json": {"schema": schema} | ({"example": example} if status == 404 else {})}
    return {"description": HTTPStatus(status).phrase, "content": content}
