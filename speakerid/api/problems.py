"""Problem documents (RFC 9457): how every error is answered, and described in the OpenAPI document."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from speakerid.api import openai_errors
from speakerid.api.middleware import REQUEST_ID
from speakerid.errors import GalleryNotFound
from speakerid.types import Review

PROBLEM = "speakerid.problem"  # of a request: the code of the problem document that answered it, in a list
MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """RFC 9457, with a stable `code` for programs and the sentence twice: many clients look for `error`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    error: str
    request_id: str
    review: Review | None = None  # of the enrollment coach, where it refused
    speaker_id: str | None = None  # of the speaker who is enrolled with this voice


# No HTTP, a body too slow, too large or compressed, a share used up, a head too large, a store that does not answer.
ON_ANY_ROUTE = (400, 408, 413, 415, 429, 431, 500, 503)
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


def document(
    request_id: str, status: int, code: str, detail: str, facts: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A problem document (RFC 9457)."""
    detail = detail.encode(errors="replace").decode()  # it may quote half a surrogate pair
    return {
        "type": f"urn:speakerid:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "error": detail,
        "request_id": request_id,
        **(facts or {}),
    }


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    facts: dict[str, Any] | None = None,
) -> JSONResponse:
    request_id = request.scope.get("request_id", "")
    request.scope.get(PROBLEM, []).append(code)
    # The header is set here too, because the answer to an unforeseen error passes no middleware.
    headers = (headers or {}) | {REQUEST_ID: request_id}
    if request.scope["path"] in openai_errors.PATHS:
        return openai_errors.answer(status, code, detail, headers, facts)
    body = document(request_id, status, code, detail, facts)
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def describe_problems(app: FastAPI) -> None:
    """Add the Problem schema that every route's error responses point to, and what it is made of."""
    build = app.openapi

    @cache  # an application never changes once it serves
    def openapi() -> dict[str, Any]:
        described = build()
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        named = schema.pop("$defs") | {"Problem": schema}
        described["components"]["schemas"] = named | described["components"]["schemas"]
        return described

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI documents for extending the document


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these error statuses, and those that any may answer with."""
    return {status: _documented(status) for status in (*statuses, *ON_ANY_ROUTE)}


def _documented(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    example = EXAMPLE.model_dump() | {"status": status, "title": HTTPStatus(status).phrase}
    content = {MEDIA_TYPE: {"schema": schema} | ({"example": example} if status == 404 else {})}
    return {"description": HTTPStatus(status).phrase, "content": content}
