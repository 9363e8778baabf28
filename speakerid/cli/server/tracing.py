"""Traces by OpenTelemetry, sent by OTLP where its standard variables name a collector, and never elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING

import speakerid
from speakerid.errors import SpeakeridError
from speakerid.errors.extras import how_to_install
from speakerid.services.engine import UNTRACED, Ended, Traces

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
SENT = "http/protobuf"
SDK = "opentelemetry.exporter.otlp.proto.http"
SERVER_ERROR = 500


@contextmanager
def collected() -> Iterator[Traces]:
    """The traces that the environment asks for, if any; what is not sent yet is, when the block ends."""
    if not _asked(os.environ) or obstacle() is not None:
        yield UNTRACED
        return
    found = OpenTelemetry(_provider())
    try:
        yield found
    finally:
        found.close()


def _asked(environment: Mapping[str, str]) -> bool:
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    exporter = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    return any(environment.get(name) for name in ENDPOINTS) and not off and exporter == "otlp"


def obstacle() -> str | None:
    """Why the traces that the environment asks for cannot be sent."""
    if not _asked(os.environ):
        return None
    if not _installed():
        return f"No traces are sent: they need an extra. {how_to_install('tracing')}"
    protocol = next((os.environ[name] for name in PROTOCOLS if os.environ.get(name)), SENT)
    return None if protocol == SENT else f"No traces are sent: {protocol} is asked for, and they are sent by {SENT}."


def _installed() -> bool:
    try:
        return find_spec(SDK) is not None
    except ModuleNotFoundError:  # of a package above it
        return False


def _provider() -> TracerProvider:
    """Of this process alone: what others trace by the global one is not sent along. It reads OTEL_… by itself."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    made = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made


def _resource() -> Resource:
    """Without what detectors would add: the command line of a process may hold the password of a store."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    own = Resource({"service.name": "speakerid", "service.version": speakerid.__version__})
    return own.merge(OTELResourceDetector().detect())


class OpenTelemetry:
    """`Traces` of a provider. An exception is known by its code or kind: its words may name people."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace, self._provider = trace, provider
        self._propagator = TraceContextTextMapPropagator()
        self._tracer = provider.get_tracer("speakerid", speakerid.__version__)

    def step(self, name: str) -> AbstractContextManager[object]:
        return self._span(name) if self._trace.get_current_span().is_recording() else nullcontext()

    def job(self, name: str) -> AbstractContextManager[object]:
        return self._span(name)

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[Ended]:
        caller, kind = self._propagator.extract(headers), self._trace.SpanKind.SERVER
        with self._tracer.start_as_current_span(
            "request", caller, kind, record_exception=False, set_status_on_exception=False
        ) as span:

            def ended(name: str, figures: Mapping[str, str | int]) -> None:
                span.update_name(name)
                span.set_attributes(figures)
                if int(figures["http.response.status_code"]) >= SERVER_ERROR:
                    self._fail(span)

            yield ended

    def ids(self) -> Mapping[str, str]:
        at = self._trace.get_current_span().get_span_context()
        return {"trace_id": f"{at.trace_id:032x}", "span_id": f"{at.span_id:016x}"} if at.is_valid else {}

    def close(self) -> None:
        self._provider.shutdown()

    @contextmanager
    def _span(self, name: str) -> Iterator[None]:
        with self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
            try:
                yield
            except SpeakeridError as error:
                from speakerid.api.errors import status_of  # FastAPI, which a worker does not need

                span.set_attribute("error.type", error.code)
                if status_of(type(error)) >= SERVER_ERROR:
                    self._fail(span)
                raise
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                self._fail(span)
                raise

    def _fail(self, span: Span) -> None:
        span.set_status(self._trace.StatusCode.ERROR)
