"""Figures for Prometheus: what this process has done, and what it holds at the moment. No names, no ids of anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

import speakerid
from speakerid.api.auth import guarded
from speakerid.api.observation import RequestCounts
from speakerid.api.parameters import StrictRoute
from speakerid.services import health
from speakerid.services.engine import Engine, WorkersState


class StateCollector(Collector):
    """What is read when somebody asks."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def describe(self) -> list[Metric]:
        return []  # so that nothing is read at the start

    def collect(self) -> Iterator[Metric]:
        engine: Engine = self._app.state.engine
        versions = {"version": speakerid.__version__, "encoder": engine.encoder_label}
        yield InfoMetricFamily("speakerid_build", "What runs here.", versions)
        yield _by("speakerid_decisions", "Decisions.", ("verb", "decision"), engine.workload.decisions())
        yield CounterMetricFamily("speakerid_audio_seconds", "Seconds of audio decoded.", engine.workload.audio_s())
        yield from self._held(engine)
        yield from _stored(health.figures(engine))

    def _held(self, engine: Engine) -> Iterator[Metric]:
        state = self._app.state
        long_work: dict[tuple[str, ...], int] = {
            ("gallery",): state.gallery_work.held,
            ("result",): state.result_work.held,
        }
        waiting = sum(one.encoder.waiting() for one in engine.each)
        yield _gauge("encoder_waiting", "Waveforms that wait for the encoder.", waiting)
        if engine.workers is not None:
            yield from _of_workers(engine.workers.state())
        working = health.failing(engine) is None
        yield _gauge("encoder_working", "Whether the last inference succeeded, and any of --workers is left.", working)
        yield _gauge("live_streams", "Live streams that are open.", state.streams.total)
        yield _gauge("body_bytes", "Bytes of request bodies in memory.", state.body_memory.total)
        yield _by("speakerid_long_work", "Long work that runs or waits.", ("kind",), long_work, GaugeMetricFamily)
        sizes = [size for one in engine.each for size in one.indexes.sizes()]
        yield _gauge("index_galleries", "Galleries whose index is in memory.", len(sizes))
        yield _gauge("index_voiceprints", "Voiceprints in memory.", sum(sizes))


def _of_workers(found: WorkersState) -> Iterator[Metric]:
    yield _gauge("workers", "Processes that embed and are ready.", found.ready)
    yield _gauge("workers_busy", "Those that work on a recording.", found.busy)
    yield _gauge("workers_waiting", "Recordings that wait for one.", found.waiting)
    yield CounterMetricFamily("speakerid_workers_replaced", "Processes that ended and were replaced.", found.replaced)


def _stored(found: health.StoreFigures) -> Iterator[Metric]:
    states: dict[tuple[str, ...], int] = {(state,): count for state, count in found.recordings.items()}
    yield _by("speakerid_recordings", "Recordings of the store.", ("state",), states, GaugeMetricFamily)
    yield _gauge("erasures_pending", "Erasures whose bytes are still being removed.", found.erasures_pending)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"speakerid_{name}", text, float(value))


def _by(
    name: str,
    text: str,
    labels: tuple[str, ...],
    values: Mapping[tuple[str, ...], float],
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily] = CounterMetricFamily,
) -> Metric:
    found = kind(name, text, labels=labels)
    for those, value in sorted(values.items()):
        found.add_metric(those, float(value))
    return found


router = APIRouter(tags=["health"], route_class=StrictRoute)
DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "speakerid_live_streams 2.0\n"}}}
}


@router.get(
    "/metrics", response_class=PlainTextResponse, **guarded("read", errors=(), also=DESCRIBED, whole_store=True)
)
def metrics(request: Request) -> Response:
    """Figures of this process, and of the store, for Prometheus. No names, no ids of speakers or galleries.

    A key that is bound to galleries gets none.
    """
    counts: RequestCounts = request.app.state.request_counts
    state = CollectorRegistry()
    state.register(StateCollector(request.app))
    ProcessCollector(registry=state)
    return Response(generate_latest(counts.registry) + generate_latest(state), media_type=CONTENT_TYPE_LATEST)
