"""`make bench`: the numbers this project promises to hold, measured here and now. Only ratios within one run count.

    python -m benchmarks.speed [--speech ../shared/speech] > NEW

Encoder: the ONNX path beside SpeechBrain's own `encode_batch` on the same weights, one thread each, in turn.
Service: `speakerid serve` as a child process: time until it answers, its CPU time, memory, libraries it loaded.
Metrics: EER and minDCF beside SpeechBrain's EER.
Audit: the comparisons of a gallery of 10,000 utterances, of made-up speakers.
Many speakers: a gallery just above the size that is searched exactly; `benchmarks.many_speakers` takes any size.
Requests: the CPU time of an identify, part by part (a table on stderr), beside a naive server on the same weights.
Trials: VoxCeleb1's largest list from the file to its figures; AS-norm of its smallest against 5,994 speakers; memory.
Voice activity: the graph that ships beside the published one.
Import: 20,000 speakers from one file. Two cores: `--workers 2` beside one, and four times the peak of each.
Replicas: a few hundred changes of two services on one PostgreSQL. Recordings: times real time, identify beside one.

Two cores, replicas and recordings are left out, with a line on stderr, where the cores, PostgreSQL or the speech are
missing. The commands that measure all this in full are in benchmarks/README.md. JSON on stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.many_speakers.steps import measure
from benchmarks.requests import cost
from benchmarks.speed.evaluation import alone, audit_cost, metrics_speed, trials_speed
from speakerid.bootstrap import load_encoder
from speakerid.encoders.registry import BUNDLED
from speakerid.types import FloatArray

SPEAKERS = 105_000
SECONDS = 3.0
ROUNDS = 30
SERVE = (
    "from speakerid.cli.main import app; app(['serve', '--port', '0', '--store', {store!r}, '--encoder', {encoder!r}])"
)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def encoder_speed() -> dict[str, Any]:
    """Median milliseconds for one embedding of 3 s, and how far the two paths are apart."""
    served, reference = load_encoder("bundled"), load_encoder(str(BUNDLED.parent))
    wave = np.random.default_rng(7).standard_normal(int(SECONDS * served.sample_rate_hz)).astype(np.float32) * 0.1
    onnx_ms, speechbrain_ms = [], []
    for _ in range(ROUNDS):  # in turn, so that both see the same machine
        onnx_ms.append(_milliseconds(lambda: served.embed([wave])))
        speechbrain_ms.append(_milliseconds(lambda: reference.embed([wave])))
    return {
        "audio_s": SECONDS,
        "onnx_ms": round(median(onnx_ms), 2),
        "speechbrain_ms": round(median(speechbrain_ms), 2),
        "times_faster": round(median(np.array(speechbrain_ms) / np.array(onnx_ms)), 2),
        "cosine": float(_cosine(served.embed([wave]), reference.embed([wave]))),
    }


def requests_cost() -> dict[str, Any]:
    measured = cost.measured()
    sys.stderr.write(cost.report(measured))
    return measured


def serve_start(encoder: str) -> dict[str, Any]:
    """Start the real service on an empty store; read its memory once it has answered."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-X", "importtime", "-c", SERVE.format(store=f"{folder}/voices.db", encoder=encoder)]
        started = time.perf_counter()
        with (Path(folder) / "imports").open("w") as imports:
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=imports, text=True)
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            ready_s = time.perf_counter() - started
            if not line:  # the service refused to start, and its last line says why
                raise SystemExit((Path(folder) / "imports").read_text().splitlines()[-1])
            cpu_s, memory_mb = _cpu_s(child.pid), _resident_mb(child.pid)
        finally:
            child.terminate()
            child.communicate(timeout=30)
        loaded = {row.split("|")[-1].strip() for row in (Path(folder) / "imports").read_text().splitlines()}
    return {
        "answered": line.strip(),
        "ready_s": round(ready_s, 2),
        "cpu_s": round(cpu_s, 2),  # until then; other work on the machine does not add to it
        "resident_mb": memory_mb,
        "imports_torch": "torch" in loaded,
        "imports_speechbrain": "speechbrain" in loaded,
        "modules": len(loaded),
    }


def many_speakers() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return dict(measure(Path(folder), SPEAKERS, None, None))


def _milliseconds(work: Callable[[], FloatArray]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _cosine(a: FloatArray, b: FloatArray) -> float:
    return float((a.astype(np.float64) * b.astype(np.float64)).sum())


def _cpu_s(pid: int) -> float:
    """User and system time, fields 14 and 15 of proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--speech", type=Path, default=Path("../shared/speech"), help="a folder with librispeech and noise"
    )
    asked = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":  # must be set before the libraries load
        again = [sys.executable, "-m", "benchmarks.speed.__main__", *sys.argv[1:]]
        return subprocess.call(again, env=os.environ | ONE_THREAD)
    from benchmarks.speed import small_sizes  # not above: processes of `alone` import that, and count their memory

    measured = {
        "encoder": encoder_speed(),
        "audit": alone(audit_cost),
        "serve": {encoder: serve_start(encoder) for encoder in ("bundled", "default")},
        "requests": requests_cost(),
        "metrics": metrics_speed(),
        "trials": trials_speed(),
        "voice_activity": small_sizes.voice_activity_speed(),
        "many_speakers": many_speakers(),
        "import": small_sizes.imported(),
    } | small_sizes.where_possible(asked.speech)
    sys.stdout.write(json.dumps(measured, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
