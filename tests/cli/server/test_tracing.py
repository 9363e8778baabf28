"""Traces go to the collector that the environment names, with routes and steps, and nothing of anybody."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from speakerid.api.app import create_app
from speakerid.bootstrap import build_engine, build_worker
from speakerid.cli.server.log_lines import JsonLines
from speakerid.cli.server.tracing import collected, obstacle
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import UnsupportedAudio
from speakerid.services.engine import UNTRACED, Traces
from speakerid.settings import Settings
from tests.sampled import ADA, probe, utterance
from tests.services.recorded import MEETING
from tests.waiting import until

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
GALLERY = "/v1/galleries/lovelace"
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "sid_lovelace_secret"
STEPS = {"decode", "speech", "embed", "search", "decide", "read"}


@dataclass
class Collector:
    """It speaks OTLP over HTTP."""

    port: int = 0
    bodies: list[bytes] = field(default_factory=list)

    @property
    def resources(self) -> list[Any]:
        service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
        return [
            one for body in self.bodies for one in service.ExportTraceServiceRequest.FromString(body).resource_spans
        ]

    @property
    def spans(self) -> list[Any]:
        return [span for one in self.resources for scope in one.scope_spans for span in scope.spans]

    def named(self, name: str) -> Any:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def below(self, span: Any) -> set[str]:
        """Names of its direct parts."""
        return {one.name for one in self.spans if one.parent_span_id == span.span_id}


def figures(span: Any) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs the extra tracing")
    made = Collector()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        made.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def asked(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> Collector:
    monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{collector.port}")
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")  # its own traces would have addresses
    return collector


@contextmanager
def served(store: Path, traces: Traces) -> Iterator[TestClient]:
    """With a gallery."""
    settings = Settings(store=str(store))
    engine = build_engine(settings, FakeEncoder(), traces=traces)
    with TestClient(create_app(engine, settings), base_url="http://127.0.0.1") as api:
        api.post("/v1/galleries", json={"name": "lovelace"}).raise_for_status()
        yield api
    engine.close()


def test_a_request_and_its_steps_are_part_of_the_callers_trace(asked: Collector, tmp_path: Path) -> None:
    with collected() as traces, served(tmp_path / "voices.db", traces) as api:
        speaker = api.post(f"{GALLERY}/speakers", json={"name": "Ada"}).json()["id"]
        api.post(f"{GALLERY}/speakers/{speaker}/utterances", content=utterance(ADA)).raise_for_status()
        caller = {"traceparent": f"00-{TRACE}-{CALLER}-01", "Authorization": f"Bearer {SECRET}"}
        query: dict[str, str | int] = {"top_k": 3, "candidates": "Ada"}
        api.post(f"{GALLERY}/identify", params=query, content=probe(ADA), headers=caller)
        api.post(f"{GALLERY}/identify", content=probe(ADA), headers=caller).raise_for_status()
        api.get("/healthz")
    first, last = [one for one in asked.spans if one.name == "POST /v1/galleries/{gallery}/identify"]
    assert (last.trace_id.hex(), last.parent_span_id.hex()) == (TRACE, CALLER)
    assert figures(last) == {
        "http.request.method": "POST",
        "http.route": "/v1/galleries/{gallery}/identify",
        "http.response.status_code": 200,
    }
    assert asked.below(first) == STEPS - {"search"}  # of named candidates no one is searched
    assert asked.below(last) == STEPS - {"read"}  # nothing was committed since: the store is not asked again
    enrolled = asked.named("POST /v1/galleries/{gallery}/speakers/{speaker_id}/utterances")
    assert {"decode", "speech", "embed", "write"} <= asked.below(enrolled)
    assert not any("healthz" in one.name for one in asked.spans)
    sent = b"".join(asked.bodies)
    known = ("lovelace", "Ada", speaker, SECRET, "top_k", "127.0.0.1", "testclient", str(tmp_path))
    assert [one for one in known if one.encode() in sent] == []


@pytest.mark.slow
def test_a_recording_is_a_trace_with_its_steps(asked: Collector, tmp_path: Path) -> None:
    with collected() as traces, served(tmp_path / "voices.db", traces) as api:
        worker = build_worker(api.app.state.engine, Settings(), 1)  # type: ignore[attr-defined]  # a FastAPI
        worker.start()
        job = api.post(f"{GALLERY}/recordings", content=MEETING).json()
        until(lambda: api.get(f"{GALLERY}/recordings/{job['id']}").json()["state"] == "done")
        worker.stop()
    assert asked.below(asked.named("recording")) >= {"segments", "clusters", "names", "write"}
    assert "embed" in asked.below(asked.named("segments"))
    # Looking for work and renewing a lease are no part of a request or a job.
    roots = {one.name for one in asked.spans if not one.parent_span_id}
    assert {one.split()[0] for one in roots} == {"POST", "GET", "recording"}


def test_a_refusal_is_known_by_its_code_and_only_failures_of_the_server_are_errors(
    asked: Collector, tmp_path: Path
) -> None:
    with collected() as traces, served(tmp_path / "voices.db", traces) as api:
        assert api.post(f"{GALLERY}/identify", content=b"Ada Lovelace's letters, which are no audio").status_code == 415
        with pytest.raises(RuntimeError), traces.job("failing"), traces.step("broken"):
            raise RuntimeError("Ada Lovelace")
    refused, broken = asked.named("POST /v1/galleries/{gallery}/identify"), asked.named("broken")
    assert (figures(refused)["error.type"], refused.status.code) == (UnsupportedAudio.code, 0)
    assert (figures(asked.named("decode"))["error.type"], asked.named("decode").status.code) == (
        UnsupportedAudio.code,
        0,
    )
    assert (figures(broken)["error.type"], broken.status.code, broken.status.message) == ("RuntimeError", 2, "")
    assert not broken.events
    assert b"Lovelace" not in b"".join(asked.bodies)


def test_lines_of_the_log_have_the_ids_of_their_trace(asked: Collector) -> None:
    with collected() as traces:
        lines = JsonLines(traces.ids)
        record = logging.LogRecord("speakerid.x", logging.WARNING, "", 0, "slow", (), None)
        outside = json.loads(lines.format(record))
        with traces.job("recording"), traces.step("names"):
            inside = json.loads(lines.format(record))
    step = asked.named("names")
    assert (inside["trace_id"], inside["span_id"]) == (step.trace_id.hex(), step.span_id.hex())
    assert "trace_id" not in outside


def test_the_service_is_known_by_its_name_or_the_operators(asked: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("", "voices-of-the-call-center"):
        monkeypatch.setenv("OTEL_SERVICE_NAME", name)
        with collected() as traces, traces.job("one"):
            pass
    found = [figures(one.resource)["service.name"] for one in asked.resources]
    assert found == ["speakerid", "voices-of-the-call-center"]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {ENDPOINT: ""},
        {ENDPOINT: "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SERVICE_NAME": "voices"},
    ],
    ids=str,
)
def test_nothing_is_traced_unless_a_collector_is_named(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with collected() as traces:
        assert traces is UNTRACED
    assert obstacle() is None


def test_why_traces_cannot_be_sent_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setattr("speakerid.cli.server.tracing.find_spec", lambda name: None)
    with collected() as traces:
        assert traces is UNTRACED
    assert "pip install '.[tracing]'" in str(obstacle())


def test_another_protocol_is_not_mistaken(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{collector.port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with collected() as traces:
        assert traces is UNTRACED
    assert obstacle() == "No traces are sent: grpc is asked for, and they are sent by http/protobuf."
