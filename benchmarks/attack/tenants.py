"""A key of one tenant against everything of another: every route of the OpenAPI document, every id, every trick.

Nothing of the other tenant may be shown, nothing of theirs may change, and nothing but a refusal may be the answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from benchmarks.attack.figures import Figure, at_least, at_most, first, reported
from benchmarks.attack.routes import Request, Route, RouteAnswer, request, routes, send
from benchmarks.attack.service import folder, serving
from benchmarks.attack.speech import VOICES, container
from benchmarks.attack.world import SCOPES, Tenant, World, make_world

OPEN_TO_ALL = {"/healthz", "/readyz", "/metrics"}
LEAST = 374
REFUSED = frozenset(range(400, 500))
ANY: frozenset[int] = frozenset()
THROTTLED = 429  # wrong keys may be slowed down
# Other ways to write a gallery of whose key this is not.
DISGUISES = (
    *("{own}/../{foreign}", "{own}%2f..%2f{foreign}", "%2e%2e/galleries/{foreign}", "./{foreign}", "/{foreign}"),
    *("{foreign}%00", "{foreign}%20", "%20{foreign}", "{foreign};{own}", "{upper}", "{foreign}%23{own}", "%74eam-b"),
)
CHOOSING = ("candidates", "tags")  # in the query of a recording's request: who may be named
OVERRIDES = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-HTTP-Method-Override", "X-Gallery")


@dataclass(frozen=True)
class Try:
    what: str
    request: Request
    statuses: frozenset[int]  # that are right; empty: any, as long as nothing leaks


@dataclass
class TenantFindings:
    sent: int = 0
    leaks: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)  # otherwise than with a refusal
    unforeseen: list[str] = field(default_factory=list)

    def judge(self, one: Try, answer: RouteAnswer, foreign: Tenant) -> None:
        self.sent += 1
        what = f"{one.what}: {one.request.method} {one.request.target[:100]} {answer.status}"
        if any(secret in answer.text and not one.request.names(secret) for secret in foreign.secrets):
            self.leaks.append(what)
        if answer.status >= 500:
            self.unforeseen.append(what)
        elif one.statuses and answer.status not in one.statuses:
            self.answered.append(what)


def measure() -> Iterator[Figure]:
    begun = time.monotonic()
    with folder() as place:
        world = make_world(place / "voices.db")
        with serving(place / "voices.db") as service:
            every = _routes(service.url)
            before = _everything(service.url, world)
            found = TenantFindings()
            for one in _tries(every, world):
                found.judge(one, send(service.url, one.request), world.foreign)
            streams = _streams(service.url, world)
            changed = _everything(service.url, world) != before
            unforeseen = service.tracebacks() + len(found.unforeseen)
    lacking = sorted({name for route in every for name in route.names} - world.own.ids.keys())
    yield at_least("tenants: requests", found.sent + streams.sent, LEAST)
    yield reported("tenants: routes", len(every))
    yield at_most("tenants: kinds of ids that were not tried", len(lacking), note=first(lacking))
    leaks = found.leaks + streams.leaks
    yield at_most("tenants: leaks", len(leaks), note=first(leaks))
    yield at_most("tenants: requests that were not refused", len(found.answered), note=first(found.answered))
    yield at_most("tenants: changes to the other tenant", int(changed))
    yield at_most("tenants: unforeseen answers", unforeseen, note=first(found.unforeseen))
    yield reported("tenants: took", time.monotonic() - begun, "s")


def _routes(url: str) -> list[Route]:
    document = json.loads(send(url, Request("GET", "/openapi.json")).text)
    return [route for route in routes(document) if route.path not in OPEN_TO_ALL]


def _tries(every: list[Route], world: World) -> Iterator[Try]:
    """Wrong keys come last: they may be answered ever more slowly."""
    audio = container("wav-s16", VOICES[0])
    for route in every:
        filler = _Filler(route, world, audio)
        yield from filler.across_the_wall()
        yield from filler.foreign_ids()
        yield from filler.disguised()
    for route in every:
        yield from _Filler(route, world, audio).without_a_right_key()


@dataclass(frozen=True)
class _Filler:
    """Requests to one route. Path parameters that the world has no id for get one that does not exist."""

    route: Route
    world: World
    audio: bytes

    def across_the_wall(self) -> Iterator[Try]:
        """Keys bound to one gallery, with every scope there is, in the other gallery and in one that is not there."""
        if "gallery" not in self.route.names:
            yield Try("without a gallery", self._request("all", {}, self.world.own.values), ANY)
            return
        foreign = self._ids(self.world.foreign)
        for name in (*SCOPES, "all"):
            values = self.world.foreign.values
            yield Try(f"key {name} in the other gallery", self._request(name, foreign, values), frozenset({403, 404}))
        nowhere = foreign | {"gallery": "nowhere"}
        yield Try("in no gallery", self._request("all", nowhere, self.world.own.values), frozenset({403, 404}))
        values = self.world.own.values
        yield Try("operator in no gallery", self._request("operator", nowhere, values), frozenset({404, 422}))

    def foreign_ids(self) -> Iterator[Try]:
        """In the own gallery: one id of the other gallery in the path, in the body or in the query."""
        if "gallery" not in self.route.names:
            return
        own, foreign = self._ids(self.world.own), self._ids(self.world.foreign)
        for name in self.route.names[1:]:
            ids = own | {name: foreign[name]}
            yield Try(f"foreign {name}", self._request("all", ids, self.world.own.values), REFUSED)
        for name in self._pointers():
            values = {name: self.world.foreign.values[name]}
            yield Try(f"foreign {name} in the body", self._request("all", own, values), REFUSED)
        for name in self.route.query:
            is_asked = self.route.method == "GET" or name in CHOOSING
            if is_asked and name in self.world.foreign.values:
                query = {name: self.world.foreign.values[name]}
                yield Try(f"foreign {name} in the query", self._request("all", own, {}, query), ANY)

    def disguised(self) -> Iterator[Try]:
        if "gallery" not in self.route.names or self.route.method not in ("GET", "POST"):
            return
        ids = self._ids(self.world.foreign)
        plain = self._request("all", ids | {"gallery": "GALLERY"}, self.world.foreign.values)
        if self.route.method == "GET":
            for disguise in DISGUISES:
                target = plain.target.replace("GALLERY", self._disguise(disguise))
                yield Try("disguised", Request(plain.method, target, plain.body, plain.headers), REFUSED | {307})
            own = self._request("all", self._ids(self.world.own), {})
            for header in OVERRIDES:
                values = {**own.headers, header: plain.target.replace("GALLERY", self.world.foreign.gallery)}
                yield Try(header, Request(own.method, own.target, b"", values), ANY)

    def without_a_right_key(self) -> Iterator[Try]:
        ids = self._ids(self.world.foreign)
        for name in ("missing", "revoked", "wrong"):
            request = self._request(name, ids, self.world.foreign.values)
            yield Try(f"key {name}", request, frozenset({401, THROTTLED}))

    def _pointers(self) -> list[str]:
        """Fields of the body that name somebody by id."""
        fields = (self.route.body or {}).get("properties", {})
        return [name for name in fields if name in ("into", "to", "speaker_id", "candidates")]

    def _disguise(self, disguise: str) -> str:
        own, foreign = self.world.own.gallery, self.world.foreign.gallery
        return disguise.format(own=own, foreign=foreign, upper=foreign.upper())

    def _ids(self, tenant: Tenant) -> dict[str, str]:
        return {name: tenant.ids.get(name, "none") for name in self.route.names}

    def _request(
        self, key: str, ids: Mapping[str, str], values: Mapping[str, str], query: Mapping[str, str] | None = None
    ) -> Request:
        headers = {"Authorization": self.world.keys[key]} if key in self.world.keys else {}
        return request(
            self.route, dict.fromkeys(self.route.names, "none") | dict(ids), values, self.audio, headers, query
        )


def _streams(url: str, world: World) -> TenantFindings:
    """Live streams are not in the OpenAPI document."""
    found = TenantFindings()
    address = f"ws{url.removeprefix('http')}/v1/galleries/{world.foreign.gallery}/stream"
    for name in ("all", "identify", "revoked", "wrong", "missing"):
        found.sent += 1
        headers = {"Authorization": world.keys[name]} if name in world.keys else {}
        try:
            with connect(address, additional_headers=headers, open_timeout=60, proxy=None) as stream:
                stream.send('{"type": "config"}')
                stream.send(bytes(32_000))
                answer = str(stream.recv(timeout=60))
                if json.loads(answer).get("type") != "error" or world.foreign.secrets[0] in answer:
                    found.leaks.append(f"a stream with key {name} got {answer[:100]}")
        except (WebSocketException, TimeoutError, OSError):
            continue  # refused
    return found


def _everything(url: str, world: World) -> list[str]:
    """What the operator sees of the other tenant."""
    ids, headers = world.foreign.ids, {"Authorization": world.keys["operator"]}
    root = f"/v1/galleries/{world.foreign.gallery}"
    speakers = f"{root}/speakers/{ids['speaker_id']}"
    paths = (root, f"{root}/speakers", speakers, f"{speakers}/utterances", f"{root}/recordings", f"{root}/history")
    return [send(url, Request("GET", path, b"", headers)).text for path in (*paths, f"{root}/unknowns")]
