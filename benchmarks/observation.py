"""CPU time of one identify: with figures, access log and traces, without one after the other, and with nothing at all.

    python -m benchmarks.observation

Four services over one kind of store take turns in this process, with the bundled encoder and a sample voice. What is
counted is the CPU time of all threads of the process, those of bookkeeper and traces included; decoding is a child's.
Traces are encoded as for a collector, and then thrown away.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from fastapi.testclient import TestClient
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from speakerid import samples
from speakerid.api.app import create_app
from speakerid.api.observation import Observation
from speakerid.bootstrap import build_engine
from speakerid.cli.server.tracing import OpenTelemetry
from speakerid.services.bookkeeping import Bookkeeper
from speakerid.services.engine import UNTRACED
from speakerid.settings import Settings

GALLERY = "/v1/galleries/default"
TRACED = "figures, log and traces"
DAYS = {"nothing looks on": 0, "figures alone": 0, "figures and access log": 90, TRACED: 90}
TURNS, WARM_UP = 200, 5


@contextmanager
def served(folder: Path, name: str) -> Iterator[TestClient]:
    """With one speaker, and a bookkeeper."""
    settings = Settings(store=str(folder / f"{name}.db"), encoder="ecapa-mini", access_log_days=DAYS[name])
    traces = OpenTelemetry(_provider()) if name == TRACED else UNTRACED
    engine = build_engine(settings, traces=traces)
    app = create_app(engine, settings)
    if name == "nothing looks on":
        app.user_middleware = [
            one for one in app.user_middleware if getattr(one.cls, "__name__", "") != Observation.__name__
        ]
    bookkeeper = Bookkeeper(engine, app.state.notes, DAYS[name])
    with TestClient(app, base_url="http://127.0.0.1") as client:
        bookkeeper.start()
        speaker = client.post(f"{GALLERY}/speakers", json={"name": "Ada"}).json()["id"]
        client.post(f"{GALLERY}/speakers/{speaker}/utterances", content=_recording())
        yield client
        bookkeeper.stop()
    engine.close()


class EncodeOnly(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


def _provider() -> TracerProvider:
    made = TracerProvider()
    made.add_span_processor(BatchSpanProcessor(EncodeOnly()))
    return made


def measure(services: Mapping[str, TestClient], turns: int) -> dict[str, list[float]]:
    """CPU time in ms of each turn's request; all meet the same load."""
    rows = [[_cpu_ms(one) for one in services.values()] for _ in range(turns + WARM_UP)]
    return dict(zip(services, np.transpose(rows)[:, WARM_UP:].tolist(), strict=True))


def report(times: Mapping[str, Sequence[float]]) -> str:
    basis = median(next(iter(times.values())))
    return "\n".join(f"{name:24}  {median(ms):6.2f} ms  {median(ms) / basis:.3f}" for name, ms in times.items())


def _cpu_ms(client: TestClient) -> float:
    began = time.process_time()
    answer = client.post(f"{GALLERY}/identify", content=_recording())
    assert answer.status_code == 200, answer.text
    return 1000 * (time.process_time() - began)


def _recording() -> bytes:
    return next(iter(samples.voices().values())).probes[0].read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=TURNS)
    turns = parser.parse_args().turns
    with TemporaryDirectory() as folder, ExitStack() as stack:
        services = {name: stack.enter_context(served(Path(folder), name)) for name in DAYS}
        sys.stdout.write(report(measure(services, turns)) + "\n")


if __name__ == "__main__":
    main()
