"""What VoxCeleb1's largest list takes from the file to its figures, and AS-norm what published figures use it with.

Embeddings and list are generated. In a process of its own, so that the peak memory is that of this work alone. Times
are of the processor, which are those of the clock where the one core has nothing else to do.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from speakerid.evaluation.backend import Backend, Cohort
from speakerid.evaluation.trials import Places, read_trials, speakers_of
from speakerid.evaluation.verification import verify
from speakerid.types import FloatArray

LARGEST = (579_818, 145_160, 1_251)  # trials, utterances and speakers of VoxCeleb1-E, cleaned
SMALLEST = (37_611, 4_708, 40)  # of VoxCeleb1-O, cleaned
COHORT, TOP = 5_994, 300  # the speakers of VoxCeleb2's development part, a mean for each
DIM = 256  # of the bundled encoder
ROUNDS = 3
T = TypeVar("T")


def trials_speed() -> dict[str, Any]:
    """Seconds, best of three, without confidence intervals (`large_resample_ms` for each draw); megabytes."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        return alone.submit(_measured).result()


def _measured() -> dict[str, Any]:
    imported_mb = peak_mb()
    with tempfile.TemporaryDirectory() as folder:
        path = _write_list(Path(folder) / "list.txt", *LARGEST)
        read_s, trials = _best(lambda: read_trials(path))
    voices = _voices(LARGEST[1], LARGEST[2])
    scored_s, scores = _best(lambda: Backend("cosine").pairs(voices, trials.enroll, trials.test))
    measured_s, figures = _best(lambda: verify(trials, scores, speakers_of(trials), resamples=0))
    return {
        "trials": figures.trials,
        "read_s": round(read_s, 2),
        "scored_s": round(scored_s, 2),
        "measured_s": round(measured_s, 2),
        "imported_mb": imported_mb,
        "peak_mb": peak_mb(),
        **_normalization(),
    }


def _normalization() -> dict[str, Any]:
    count, utterances, speakers = SMALLEST
    voices = _voices(utterances, speakers)
    enroll, test, _ = _pairs(count, utterances, speakers)
    cohort = Cohort(_voices(COHORT, COHORT), TOP)
    plain, normalized = Backend("cosine"), Backend("asnorm", cohort)
    plain_s, _ = _best(lambda: plain.pairs(voices, enroll, test))
    both_s, _ = _best(lambda: normalized.pairs(voices, enroll, test))
    return {"asnorm_utterances": utterances, "asnorm_cohort": COHORT, "asnorm_s": round(both_s - plain_s, 2)}


def _write_list(path: Path, count: int, utterances: int, speakers: int) -> Path:
    """Named as VoxCeleb1's files are; utterance k is of speaker k modulo `speakers`."""
    names = [f"id{10_001 + k % speakers}/{k // 9:011d}/{k:05d}.wav" for k in range(utterances)]
    with path.open("w") as file:
        for one, other, same in zip(*_pairs(count, utterances, speakers), strict=True):
            file.write(f"{int(same)} {names[one]} {names[other]}\n")
    return path


def _pairs(count: int, utterances: int, speakers: int) -> tuple[Places, Places, NDArray[np.bool_]]:
    """Of every second pair both are of one speaker."""
    rng = np.random.default_rng(0)
    enroll = rng.integers(0, utterances - speakers, count)
    same = np.arange(count) % 2 == 0
    return enroll, enroll + np.where(same, speakers, rng.integers(1, speakers, count)), same


def _voices(utterances: int, speakers: int) -> FloatArray:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((utterances, DIM), np.float32)
    rows += rng.standard_normal((speakers, DIM), np.float32)[np.arange(utterances) % speakers]
    unit: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _best(work: Callable[[], T]) -> tuple[float, T]:
    took = []
    for _ in range(ROUNDS):
        started = time.process_time()
        result = work()
        took.append(time.process_time() - started)
    return min(took), result


def peak_mb() -> int:
    """The most memory that this process held so far; `ru_maxrss` would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))
