"""How routes answer: with an ETag, after an erasure, and once for every Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse

from speakerid.api.parameters import engine_of
from speakerid.db.engine import Handle
from speakerid.services import idempotency
from speakerid.services.engine import Engine
from speakerid.types import Gallery, Speaker, to_json


def with_etag(answer: Gallery | Speaker, status: int = 200) -> JSONResponse:
    return JSONResponse(to_json(answer), status, {"ETag": answer.etag})


STILL_ERASING: dict[int | str, dict[str, Any]] = {
    202: {"description": "Erased; its bytes are still being removed from the store's files (see /readyz)."}
}


def erased(whole: bool) -> Response:
    """`whole`: not a byte is left in the store's files."""
    return Response(status_code=204 if whole else 202)


IdempotencyKey = Annotated[
    str | None, Header(description="Repeat safely: the same key gives the same answer for a day.", max_length=200)
]


@dataclass(frozen=True)
class Once:
    """Does a piece of work in one transaction, unless it was done before under the same key."""

    engine: Engine
    repeat: idempotency.Repeat | None

    def create(self, work: Callable[[Handle], Gallery | Speaker], gallery: str) -> JSONResponse:
        """201 with what `work` made in `gallery`. Raises what `work` raises, IdempotencyKeyReused."""
        with self.engine.write() as db:
            if self.repeat is not None and (row := idempotency.earlier(db, self.repeat)) is not None:
                return JSONResponse(row.answer, row.status, {"Idempotent-Replayed": "true", "ETag": row.answer["etag"]})
            made = work(db)
            if self.repeat is not None:
                speaker_id = made.id if isinstance(made, Speaker) else None
                idempotency.keep(db, self.repeat, 201, to_json(made), gallery, speaker_id)
        return with_etag(made, 201)


async def once(request: Request, idempotency_key: IdempotencyKey = None) -> Once:
    if idempotency_key is None:
        return Once(engine_of(request), None)
    caller = request.headers.get("authorization", "")
    repeat = idempotency.Repeat.of(caller, request.scope["path"], idempotency_key, await request.body())
    return Once(engine_of(request), repeat)


OnceDep = Annotated[Once, Depends(once)]
