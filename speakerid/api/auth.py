"""Who asks, and what they may do: bearer keys with scopes, or an open server for this machine's own programs."""

from __future__ import annotations

import ipaddress
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from speakerid.api.limits import KeyThrottle
from speakerid.api.observation import introduce
from speakerid.api.parameters import engine_of, settings_of
from speakerid.api.problems import problems
from speakerid.api.rates import KeyRates
from speakerid.db.asked import ASKED, AudioQuota
from speakerid.db.store_file import NotRemembered
from speakerid.errors import KeyInvalid, KeyMissing, ScopeMissing
from speakerid.services import keys
from speakerid.services.bookkeeping import Notes
from speakerid.types import Key, Scope

FORWARDED = ("x-forwarded-for", "x-real-ip", "forwarded")  # the last one's syntax is read by no one: no address
NO_PLAIN_HOST = frozenset("@\\ \t")  # a user, or what one program takes for a slash and another does not
NOT_FROM_HERE = (
    "Without keys this server answers programs of its own machine only, and {}. Call it by its loopback address, list "
    "the web page's origin in SPEAKERID_CORS_ORIGINS, or make a key with 'speakerid keys create'."
)
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


IDENTITY = "speakerid.identity"  # of a request: its key, once looked up


class Allowed(SecurityBase):
    """A dependency that checks the caller's key. It is also the scheme in the API's document: one less to be solved."""

    model = HTTPBearer(description="A key made with `speakerid keys create`.")
    scheme_name = "HTTPBearer"

    def __init__(self, scopes: tuple[Scope, ...], whole_store: bool) -> None:
        self._scopes, self._whole_store = scopes, whole_store

    async def __call__(self, request: Request) -> Key | None:
        key = await identified(request)
        if key is not None:
            keys.permit(key, *self._scopes)
            _inside_galleries(key, request.path_params.get("gallery"), self._scopes[0], self._whole_store)
        return key


def allow(*scopes: Scope, whole_store: bool = False) -> Any:
    """A dependency: the caller's key has one of `scopes` for the gallery in the path. Gives the Key, None if open.

    `whole_store` is for what belongs to no gallery, such as making one: a key bound to galleries may not.
    """
    return Depends(Allowed(scopes, whole_store))


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
    """The caller's key, None on an open server. Raises KeyMissing, KeyInvalid, KeyExpired, Overloaded."""
    known: list[Key | None] = request.scope[IDENTITY]
    if not known:
        secret, database = bearer(request), engine_of(request).database
        try:
            database.memory.require_current()
            key = _looked_up(request, secret, database.memory.recall)
        except NotRemembered:  # a thread costs a tenth of what the service itself adds to a request
            key = await run_in_threadpool(_looked_up, request, secret, database.remembered)
        _admit(request, key)
        known.append(key)
    return known[0]


def _admit(connection: HTTPConnection, key: Key | None) -> None:
    """One request. Raises KeyRateReached."""
    if key is not None:
        rates: KeyRates = connection.app.state.key_rates
        notes: Notes = connection.app.state.notes
        rates.take(key)
        notes.used(key)
        _restrict(key)
    if settings_of(connection).access_log_days:
        introduce(connection.scope, key)


def _restrict(key: Key) -> None:
    """What is decoded for this request counts."""
    if key.audio_seconds_per_day is not None and (asked := ASKED.get()) is not None:
        asked.audio_quota = AudioQuota(key.id, key.audio_seconds_per_day)


def bearer(connection: HTTPConnection) -> str | None:
    """The key in the Authorization header."""
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def authorized(connection: HTTPConnection, secret: str | None, *scopes: Scope) -> Key | None:
    """The caller's key as it is now, None on an open server.

    Raises KeyMissing, KeyInvalid, KeyExpired, TooManyWrongKeys, ScopeMissing.
    """
    key = _looked_up(connection, secret, engine_of(connection).database.remembered)
    if key is not None:
        keys.permit(key, *scopes)
    return key


def begin_stream(connection: HTTPConnection, secret: str | None, gallery: str) -> Key | None:
    """What `allow_stream` does, as one request of the key. Raises KeyRateReached, and what `authorized` raises."""
    key = allow_stream(connection, secret, gallery)
    _admit(connection, key)
    return key


def allow_stream(connection: HTTPConnection, secret: str | None, gallery: str) -> Key | None:
    """A live stream identifies speakers of `gallery`. Raises what `authorized` raises."""
    key = authorized(connection, secret, "identify")
    if key is not None:
        _inside_galleries(key, gallery, "identify", whole_store=False)
    return key


def _looked_up(connection: HTTPConnection, secret: str | None, remembered: keys.Remembered) -> Key | None:
    """Raises what `remembered` raises, and what `authorized` raises but for scopes."""
    throttle: KeyThrottle = connection.app.state.key_throttle
    sender = network_of(connection)
    if secret is not None:
        throttle.check(sender, secret)
    if not connection.app.state.require_key and not keys.required(remembered):
        _only_from_here(connection)
        return None
    if secret is None:
        raise KeyMissing(_elsewhere(connection))
    try:
        key = keys.find(secret, remembered)
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


def _elsewhere(request: HTTPConnection) -> str:
    """Where a key came instead, or that none did."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return "The Authorization header is Basic, which is what curl -u and an address with a password send."
    if scheme and not rest:
        return "The Authorization header does not say Bearer."
    if "x-api-key" in request.headers:
        return "The header X-Api-Key is not read."
    return "This server needs a key."


def _only_from_here(request: HTTPConnection) -> None:
    """Without keys, a web page elsewhere must not reach the server through a visitor's browser, nor may anyone through
    a proxy.

    The Host header stops DNS rebinding, the Origin header stops forms and scripts of other sites, unless the operator
    listed them. Who a proxy forwards for is the client's address here.
    """
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if not _is_here(f"//{host}"):
        raise KeyMissing(NOT_FROM_HERE.format(f"the Host header is {host[:100]!r}"))
    listed = origin in settings_of(request).allowed_origins and origin != "*"  # which is a setting, no origin
    if origin is not None and not _is_here(origin) and not listed:
        raise KeyMissing(NOT_FROM_HERE.format(f"the Origin header is {origin[:100]!r}"))
    sender = request.client.host if request.client else ""
    if network(sender) != NO_NETWORK and not _is_here(f"//[{sender}]" if ":" in sender else f"//{sender}"):
        raise KeyMissing(NOT_FROM_HERE.format(f"a proxy forwards this request for {network(sender)}"))
    if any(not _are_here(value) for name in FORWARDED for value in request.headers.getlist(name)):
        raise KeyMissing(NOT_FROM_HERE.format("a proxy forwards this request for somebody else"))


def _are_here(addresses: str) -> bool:
    """Of a header with commas between addresses. What cannot be read is somebody else's."""
    return all(_is_here(f"//[{one}]" if one.count(":") > 1 else f"//{one}") for one in addresses.split(", "))


@lru_cache(maxsize=64)  # each as long as a header may be
def _is_here(url: str) -> bool:
    try:
        if not NO_PLAIN_HOST.isdisjoint(url):
            return False
        name = urlsplit(url).hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
