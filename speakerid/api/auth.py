"""Who asks, and what they may do: bearer keys with scopes, or an open server for this machine's own programs."""

from __future__ import annotations

import ipaddress
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from speakerid.api.limits import KeyThrottle
from speakerid.api.parameters import engine_of
from speakerid.api.problems import problems
from speakerid.errors import KeyInvalid, KeyMissing, ScopeMissing
from speakerid.services import keys
from speakerid.types import Key, Scope

NO_NETWORK = "nowhere"  # a test, a socket that is a file


@lru_cache(maxsize=4096)
def network(host: str) -> str:
    """An IPv4 address, or the 64 bits of an IPv6 one that name a network: whoever has one has 2**64 addresses."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return NO_NETWORK
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


def network_of(connection: HTTPConnection) -> str:
    return network(connection.client.host) if connection.client else NO_NETWORK


def caller(connection: HTTPConnection, key: Key | None) -> str:
    """Whose share counts: the key's, where there is one."""
    return network_of(connection) if key is None else key.id


_bearer = HTTPBearer(auto_error=False, description="A key made with `speakerid keys create`.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
IDENTITY = "speakerid.identity"  # of a request: its key, once looked up


def allow(*scopes: Scope, whole_store: bool = False) -> Any:
    """A dependency: the caller's key has one of `scopes` for the gallery in the path. Gives the Key, None if open.

    `whole_store` is for what belongs to no gallery, such as making one: a key bound to galleries may not.
    """

    async def check(request: Request, _shown_in_openapi: Credentials) -> Key | None:
        key = await identified(request)
        if key is not None:
            keys.permit(key, *scopes)
            _inside_galleries(key, request.path_params.get("gallery"), scopes[0], whole_store)
        return key

    return Depends(check)


def guarded(
    *scopes: Scope,
    errors: tuple[int, ...] = (404,),
    also: dict[int | str, dict[str, Any]] | None = None,
    whole_store: bool = False,
) -> dict[str, Any]:
    """Keywords of a route whose callers need one of `scopes`.

    It answers with `errors` besides 401, 403 and 422, and with what `also` describes.
    """
    responses = (also or {}) | problems(401, 403, *errors, 422)
    return {"dependencies": [allow(*scopes, whole_store=whole_store)], "responses": responses}


def remember_in(scope: MutableMapping[str, Any]) -> None:
    """Make room in a request for its key, so that it is looked up once. Inner scopes are copies, hence a box."""
    scope[IDENTITY] = []


async def identified(request: HTTPConnection) -> Key | None:
    """The caller's key, None on an open server. Raises KeyMissing, KeyInvalid, TooManyWrongKeys."""
    known: list[Key | None] = request.scope[IDENTITY]
    if not known:
        known.append(await run_in_threadpool(_looked_up, request, bearer(request)))
    return known[0]


def bearer(connection: HTTPConnection) -> str | None:
    """The key in the Authorization header."""
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def authorized(connection: HTTPConnection, secret: str | None, *scopes: Scope) -> Key | None:
    """The caller's key as it is now, None on an open server.

    Raises KeyMissing, KeyInvalid, TooManyWrongKeys, ScopeMissing.
    """
    key = _looked_up(connection, secret)
    if key is not None:
        keys.permit(key, *scopes)
    return key


def allow_stream(connection: HTTPConnection, secret: str | None, gallery: str) -> Key | None:
    """A live stream identifies speakers of `gallery`. Raises what `authorized` raises."""
    key = authorized(connection, secret, "identify")
    if key is not None:
        _inside_galleries(key, gallery, "identify", whole_store=False)
    return key


def _looked_up(connection: HTTPConnection, secret: str | None) -> Key | None:
    throttle: KeyThrottle = connection.app.state.key_throttle
    sender = network_of(connection)
    if secret is not None:
        throttle.check(sender, secret)
    with engine_of(connection).read() as db:
        if not connection.app.state.require_key and not keys.required(db):
            _only_from_here(connection)
            return None
        if secret is None:
            raise KeyMissing
        try:
            key = keys.find(db, secret)
        except KeyInvalid:
            throttle.wrong(sender, secret)
            raise
    throttle.right(secret)
    return key


def allow_again(request: Request, *scopes: Scope) -> None:
    """For an answer that takes long: is the caller still allowed? Raises what `authorized` raises."""
    key = authorized(request, bearer(request), *scopes)
    if key is not None:
        _inside_galleries(key, request.path_params.get("gallery"), scopes[0], whole_store=False)


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
