"""API keys over HTTP: for keys with the scope `admin` that are bound to no gallery."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from speakerid.api import examples
from speakerid.api.auth import allow, guarded
from speakerid.api.parameters import EngineDep, StrictRoute
from speakerid.api.problems import problems
from speakerid.api.schemas import StrictModel
from speakerid.errors import FirstKeyAtStore
from speakerid.services import keys
from speakerid.services.keys import AUDIO_LIMIT_S, GRACE, RATE_LIMIT
from speakerid.types import Key, NewKey, Page, Scope

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=StrictRoute)
ADMIN = allow("admin", whole_store=True)
Admin = Annotated[Key | None, ADMIN]
KeyId = Annotated[str, Path(examples=[examples.KEY.id], max_length=64)]
Expires = Annotated[
    str | None,
    Field(
        max_length=40,
        description="A span (90d, 24h, 15m), a day, whose end is meant, or a time of ISO 8601.",
        examples=["90d"],
    ),
]


class KeyCreate(StrictModel):
    name: str = Field(min_length=1, max_length=200, description="Who or what will use it.", examples=["front-end"])
    scopes: list[Scope] = Field(min_length=1, max_length=4, examples=[["identify"]])
    galleries: list[str] = Field([], max_length=1000, description="Only these; none: every gallery.")
    expires: Expires = None
    requests_per_minute: int | None = Field(None, ge=1, le=RATE_LIMIT, description="Of each process that serves.")
    audio_seconds_per_day: int | None = Field(
        None, ge=1, le=AUDIO_LIMIT_S, description="On a day in UTC, of all processes together."
    )


class KeyRotate(StrictModel):
    grace: str = Field(GRACE, max_length=40, description="How long the old secret is taken.", examples=[GRACE])
    expires: Expires = None


@router.get("", **guarded("admin", errors=(), whole_store=True))
def list_keys(engine: EngineDep) -> Page[Key]:
    """Every key, oldest first, without its secret."""
    with engine.read() as db:
        return Page(keys.every(db))


@router.post(
    "",
    status_code=201,
    dependencies=[ADMIN],
    responses=examples.ok(examples.NEW_KEY, 201) | problems(401, 403, 422),
)
def create_key(engine: EngineDep, caller: Admin, body: KeyCreate) -> NewKey:
    """Make a key. The answer holds its secret, this once.

    Without keys the server makes none: the first one is made where the store is. A key that expires makes none that
    outlives it.
    """
    if caller is None:
        raise FirstKeyAtStore
    with engine.write() as db:
        return keys.create(
            db,
            body.name,
            tuple(body.scopes),
            tuple(body.galleries),
            expires=body.expires,
            requests_per_minute=body.requests_per_minute,
            audio_seconds_per_day=body.audio_seconds_per_day,
            by=caller,
        )


@router.post(
    "/{key_id}/rotate",
    dependencies=[ADMIN],
    responses=examples.ok(examples.NEW_KEY) | problems(401, 403, 404, 422),
)
def rotate_key(engine: EngineDep, caller: Admin, key_id: KeyId, body: KeyRotate) -> NewKey:
    """Give a key a new secret. The answer holds it, this once; the old one is taken for `grace` more."""
    with engine.write() as db:
        return keys.rotate(db, key_id, body.grace, body.expires, caller)


@router.delete("/{key_id}", status_code=204, **guarded("admin", whole_store=True))
def revoke_key(engine: EngineDep, key_id: KeyId) -> Response:
    """Forget a key: requests with it are refused from now on, and its open streams end."""
    with engine.write() as db:
        keys.revoke(db, key_id)
    return Response(status_code=204)
