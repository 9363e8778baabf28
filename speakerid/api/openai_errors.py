"""Errors as OpenAI's clients expect them, on the paths that are OpenAI's."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel

PATHS = ("/v1/audio/transcriptions",)
BAD_REQUEST = (415, 422)  # its API answers whatever is wrong with a request with 400
TYPES = {429: "rate_limit_error"}
NO_RETRY = {"X-Should-Retry": "false"}  # its clients would send it again after 409


class OpenAIErrorFacts(BaseModel):
    message: str
    type: str
    code: str  # stable, as everywhere in this API
    param: str | None = None  # the field that is to blame


class OpenAIError(BaseModel):
    error: OpenAIErrorFacts


def answer(
    status: int, code: str, detail: str, headers: dict[str, str], facts: dict[str, Any] | None = None
) -> JSONResponse:
    status = 400 if status in BAD_REQUEST else status
    kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    message = detail.encode(errors="replace").decode()  # it may quote half a surrogate pair
    body = OpenAIError(error=OpenAIErrorFacts(message=message, type=kind, code=code, param=(facts or {}).get("param")))
    return JSONResponse(body.model_dump(), status, headers | (NO_RETRY if status == 409 else {}))


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these error statuses."""
    return {status: {"model": OpenAIError} for status in statuses}
