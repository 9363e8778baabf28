"""Answers that carry the ETag of what they show."""

from __future__ import annotations

from fastapi.responses import JSONResponse

from speakerid.types import Gallery, Speaker, to_json


def with_etag(answer: Gallery | Speaker, status: int = 200) -> JSONResponse:
    return JSONResponse(to_json(answer), status, {"ETag": answer.etag})
