"""What metrics take on lists of VoxCeleb1's sizes, beside SpeechBrain's EER, and its largest list from file to figures.

Scores, embeddings, lists and the gallery of an audit are generated. The audit, the largest list from the file to its
figures, and AS-norm as published figures use it run in processes of their own, so that each peak of memory is that of
its work alone. Times of theirs are of the processor, which are those of the clock where the one core has nothing else
to do.
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

from speakerid.audit.leave_one_out import Labeled, unit
from speakerid.encoders.speechbrain_import import ensure_torchaudio
from speakerid.evaluation.backend import Backend, Cohort
from speakerid.evaluation.trials import Places, read_trials, speakers_of
from speakerid.evaluation.verification import verify
from speakerid.metrics.cllr import cllr, min_cllr
from speakerid.metrics.dcf import min_dcf
from speakerid.metrics.eer import Flags, eer, error_curve, labelled, rank
from speakerid.metrics.intervals import speaker_bootstrap
from speakerid.types import FloatArray

SCORED_SMALLEST = (18_802, 18_809)  # targets and non-targets of VoxCeleb1-O, cleaned
SCORED_LARGEST = (289_921, 289_897)  # of VoxCeleb1-E, cleaned
SPEAKERS = 1_251
SCORED_ROUNDS = 5
RESAMPLES = 20
LARGEST = (579_818, 145_160, 1_251)  # trials, utterances and speakers of VoxCeleb1-E, cleaned
SMALLEST = (37_611, 4_708, 40)  # of VoxCeleb1-O, cleaned
COHORT, TOP = 5_994, 300  # the speakers of VoxCeleb2's development part, a mean for each
DIM = 256  # of the bundled encoder
ROUNDS = 3
AUDITED = 10_000  # utterances
EACH = 3  # of a speaker
SPREAD = 0.7  # of a speaker's utterances, against 1 of the speakers
T = TypeVar("T")


def metrics_speed() -> dict[str, Any]:
    """Best of five, in milliseconds; SpeechBrain's EER once, in the same run."""
    small, large = _scores(*SCORED_SMALLEST), _scores(*SCORED_LARGEST)
    ours_ms = _best_ms(lambda: _eer_and_min_dcf(*small))
    theirs_ms = _speechbrain_ms(*small)
    return {
        "trials": len(small[0]),
        "eer_and_min_dcf_ms": round(ours_ms, 2),
        "speechbrain_eer_ms": round(theirs_ms),
        "times_faster": round(theirs_ms / ours_ms),
        "large_trials": len(large[0]),
        "large_eer_and_min_dcf_ms": round(_best_ms(lambda: _eer_and_min_dcf(*large))),
        "large_cllr_and_min_cllr_ms": round(_best_ms(lambda: (cllr(*large), min_cllr(error_curve(*large))))),
        "large_resample_ms": round(_best_ms(lambda: _bootstrap(*large), rounds=1) / RESAMPLES),
    }


def _scores(targets: int, nontargets: int) -> tuple[FloatArray, Flags]:
    rng = np.random.default_rng(0)
    scores, same = labelled(rng.normal(2.5, 1, targets), rng.normal(0, 1, nontargets))
    return scores.astype(np.float32), same


def _eer_and_min_dcf(scores: FloatArray, same: Flags) -> tuple[float, float]:
    curve = error_curve(scores, same)
    return eer(curve), min_dcf(curve)


def _bootstrap(scores: FloatArray, same: Flags) -> None:
    rng, ranked = np.random.default_rng(1), rank(scores, same)
    enrolled = rng.integers(0, SPEAKERS, len(scores))
    probed = np.where(same, enrolled, rng.integers(0, SPEAKERS, len(scores)))
    speaker_bootstrap(lambda weights: eer(ranked.curve(weights)), enrolled, probed, resamples=RESAMPLES)


def _speechbrain_ms(scores: FloatArray, same: Flags) -> float:
    ensure_torchaudio()
    import torch
    from speechbrain.utils.metric_stats import EER

    targets, nontargets = torch.from_numpy(scores[same]), torch.from_numpy(scores[~same])
    return _best_ms(lambda: EER(targets, nontargets), rounds=1)


def _best_ms(work: Callable[[], object], rounds: int = SCORED_ROUNDS) -> float:
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1000)
    return min(took)


def trials_speed() -> dict[str, Any]:
    """Seconds, best of three, without confidence intervals (`large_resample_ms` for each draw); megabytes."""
    return alone(_measured)


def alone(work: Callable[[], T]) -> T:
    """In a process of its own, so that the peak memory is that of `work`."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(work).result()


def _measured() -> dict[str, Any]:
    imported_mb = peak_mb()
    with tempfile.TemporaryDirectory() as folder:
        path = _write_list(Path(folder) / "list.txt", *LARGEST)
        read_s, trials = _best(lambda: read_trials(path))
    embeddings = _embeddings(LARGEST[1], LARGEST[2])
    scored_s, scores = _best(lambda: Backend("cosine").pairs(embeddings, trials.enroll, trials.test))
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
    embeddings = _embeddings(utterances, speakers)
    enroll, test, _ = _pairs(count, utterances, speakers)
    cohort = Cohort(_embeddings(COHORT, COHORT), TOP)
    plain, normalized = Backend("cosine"), Backend("asnorm", cohort)
    plain_s, _ = _best(lambda: plain.pairs(embeddings, enroll, test))
    both_s, _ = _best(lambda: normalized.pairs(embeddings, enroll, test))
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


def _embeddings(utterances: int, speakers: int) -> FloatArray:
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


def audit_cost() -> dict[str, Any]:
    """CPU seconds and memory of the comparisons of a large gallery."""
    from speakerid.audit.health import examine  # what a process for trials alone must not hold
    from speakerid.bootstrap import load_encoder, load_fitted

    encoder = load_encoder("bundled")
    labeled = made_gallery(AUDITED, encoder.dim)
    before, started = peak_mb(), time.process_time()
    examine(labeled, np.zeros(len(labeled), np.bool_), load_fitted(encoder).calibration.compare)
    return {
        "utterances": len(labeled),
        "speakers": len(labeled.sizes),
        "cpu_s": round(time.process_time() - started, 1),
        "memory_added_mb": peak_mb() - before,
    }


def made_gallery(utterances: int, dim: int, seed: int = 0) -> Labeled:
    random = np.random.default_rng(seed)
    speakers = np.arange(utterances) // EACH
    rows = random.standard_normal((speakers.max() + 1, dim))[speakers]
    rows += SPREAD * random.standard_normal(rows.shape)
    return Labeled(unit(rows), speakers, np.full(utterances, 4.0))


def peak_mb() -> int:
    """The most memory that this process held so far; `ru_maxrss` would count its parent's too."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))
