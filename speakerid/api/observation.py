"""Every request, once it is answered, is counted and logged: by its route, never by its address, which may
hold names and ids."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from speakerid.api.middleware import METHODS
from speakerid.api.problems import PROBLEM
from speakerid.db.asked import ASKED, LOCAL, OK, Asked
from speakerid.services.engine import UNTRACED, Ended, Engine
from speakerid.types import Key

logger = logging.getLogger("speakerid.requests")

UNMATCHED = "unmatched"
ABOUT_PEOPLE = ("/v1/", "/hf/")  # others leave no trace in the access log
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
LIVE = "WEBSOCKET"
KNOWN = {*METHODS, "HEAD", "OPTIONS", LIVE}
SWITCHED, REFUSED, FAILED = 101, 4000, {1011: 500, 1013: 503}  # statuses of live streams, by how they were closed


@dataclass(frozen=True)
class ObservedRequest:
    request_id: str
    method: str
    route: str
    status: int
    problem: str | None  # code
    duration_s: float


class RequestCounts:
    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they are a second series beside every one
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "speakerid_requests",
            "Requests by route template and class of status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "speakerid_request_seconds",
            "Seconds until a request was answered.",
            ("method", "route"),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._problems = Counter(
            "speakerid_problems", "Answers that were problem documents, by code.", ("code",), registry=self.registry
        )

    def add(self, request: ObservedRequest) -> None:
        self._requests.labels(request.method, request.route, f"{request.status // 100}xx").inc()
        self._seconds.labels(request.method, request.route).observe(request.duration_s)
        if request.problem is not None:
            self._problems.labels(request.problem).inc()


class Observation:
    def __init__(self, app: ASGIApp, service: FastAPI) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        # Of a stream that lasts for hours a trace would be thousands of steps long, and none of a page says anything.
        traced = scope["type"] == "http" and scope["path"].startswith(ABOUT_PEOPLE)
        engine: Engine = self._service.state.engine
        with (engine.traces if traced else UNTRACED).request(Headers(scope=scope)) as ended:
            await self._observed(scope, receive, send, ended)

    async def _observed(self, scope: Scope, receive: Receive, send: Send, ended: Ended) -> None:
        began, status = time.perf_counter(), 500
        scope[PROBLEM] = problem = list[str]()  # inner scopes are copies, hence a box

        async def noting(message: Message) -> None:
            nonlocal status
            status = _status(message, status)
            await send(message)

        asked = Asked(scope["request_id"])
        token = ASKED.set(asked)
        try:
            await self._app(scope, receive, noting)
        finally:
            ASKED.reset(token)
            code = problem[-1] if problem else None
            duration_s = time.perf_counter() - began
            seen = ObservedRequest(scope["request_id"], _method(scope), route_of(scope), status, code, duration_s)
            self._note(seen)
            ended(f"{seen.method} {seen.route}", figures(seen))
            if asked.key_id is not None:
                self._log(asked, status, code)

    def _note(self, request: ObservedRequest) -> None:
        counts: RequestCounts = self._service.state.request_counts
        counts.add(request)
        if logger.isEnabledFor(logging.INFO):
            logger.info(
                "%s %s %d in %.1f ms, request %s",
                request.method,
                request.route,
                request.status,
                1000 * request.duration_s,
                request.request_id,
                extra={"fields": fields(request)},
            )

    def _log(self, asked: Asked, status: int, code: str | None) -> None:
        """Later, where no transaction has recorded it already."""
        outcome = code or (OK if status < 400 else f"http_{status}")
        if not asked.recorded or outcome != OK:
            self._service.state.notes.ended.append((asked, outcome))


def introduce(scope: Scope, key: Key | None) -> None:
    """Now it is known who asks for what, which the access log is to have."""
    asked, route = ASKED.get(), route_of(scope)
    if asked is None or not route.startswith(ABOUT_PEOPLE):
        return
    params = scope.get("path_params", {})
    asked.key_id = LOCAL if key is None else key.id
    asked.action, asked.gallery = f"{_method(scope)} {route}", params.get("gallery")
    if "speaker_id" in params:
        asked.speaker_ids.append(params["speaker_id"])


def fields(request: ObservedRequest) -> dict[str, Any]:
    """For a line of JSON."""
    found = asdict(request)
    return found | {"duration_s": round(request.duration_s, 6)}


def figures(request: ObservedRequest) -> dict[str, str | int]:
    """For a trace, in the words of OpenTelemetry."""
    found: dict[str, str | int] = {
        "http.request.method": "_OTHER" if request.method == "OTHER" else request.method,
        "http.route": request.route,
        "http.response.status_code": request.status,
    }
    return found if request.problem is None else found | {"error.type": request.problem}


def _status(message: Message, before: int) -> int:
    if message["type"] == "http.response.start":
        return int(message["status"])
    if message["type"] == "websocket.accept":
        return SWITCHED
    if message["type"] == "websocket.close" and (code := int(message.get("code", 1000))) != 1000:
        return code - REFUSED if code >= REFUSED else FAILED.get(code, before)
    return before


def _method(scope: Scope) -> str:
    method = scope.get("method", LIVE)
    return method if method in KNOWN else "OTHER"


def route_of(scope: Scope) -> str:
    """Its template, such as /v1/galleries/{gallery}/identify. What has none could be anything."""
    found: str = getattr(scope.get("route"), "path", UNMATCHED)
    return found
