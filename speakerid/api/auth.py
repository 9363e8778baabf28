"""Who may do what: bearer keys with scopes, or an open server that only this machine's own programs can use."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from speakerid.api.deps import engine_of
from speakerid.errors import KeyMissing, ScopeMissing
from speakerid.services import keys
from speakerid.types import Key, Scope

_bearer = HTTPBearer(auto_error=False, description="A key made with `speakerid keys create`.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


def allow(*scopes: Scope, whole_store: bool = False) -> Any:
    """A dependency: the caller's key has one of `scopes` for the gallery in the path. Gives the Key, None if open.

    `whole_store` is for what belongs to no gallery, such as making one: a key bound to galleries may not.
    """

    def check(request: Request, credentials: Credentials) -> Key | None:
        key = authorized(request, credentials.credentials if credentials else None, *scopes)
        if key is not None:
            _inside_galleries(key, request.path_params.get("gallery"), scopes[0], whole_store)
        return key

    return Depends(check)


def authorized(connection: HTTPConnection, secret: str | None, *scopes: Scope) -> Key | None:
    """The caller's key, None on an open server. Raises KeyMissing, KeyInvalid, ScopeMissing."""
    with engine_of(connection).read() as db:
        if not connection.app.state.require_key and not keys.required(db):
            _only_from_here(connection)
            return None
        if secret is None:
            raise KeyMissing
        return keys.check(db, secret, *scopes)


def allow_stream(connection: HTTPConnection, secret: str | None, gallery: str) -> None:
    """A live stream identifies speakers of `gallery`. Raises KeyMissing, KeyInvalid, ScopeMissing."""
    if (key := authorized(connection, secret, "identify")) is not None:
        _inside_galleries(key, gallery, "identify", whole_store=False)


def _inside_galleries(key: Key, gallery: str | None, scope: Scope, whole_store: bool) -> None:
    if not key.galleries:
        return
    if whole_store or (gallery is not None and gallery not in key.galleries):
        raise ScopeMissing(scope)


def _only_from_here(request: HTTPConnection) -> None:
    """Without keys, a web page elsewhere must not reach the server through a visitor's browser.

    The Host header stops DNS rebinding, the Origin header stops forms and scripts of other sites.
    """
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if not _is_here(f"//{host}") or (origin is not None and not _is_here(origin)):
        raise KeyMissing


def _is_here(url: str) -> bool:
    try:
        name = urlsplit(url).hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
