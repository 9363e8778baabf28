"""How long the metrics take on lists of VoxCeleb1's sizes, beside SpeechBrain's EER on the same scores."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from speakerid.encoders.torchaudio_standin import ensure_torchaudio
from speakerid.metrics.cllr import cllr, min_cllr
from speakerid.metrics.dcf import min_dcf
from speakerid.metrics.eer import Flags, eer, error_curve, labelled, rank
from speakerid.metrics.intervals import speaker_bootstrap
from speakerid.types import FloatArray

SMALLEST = (18_802, 18_809)  # targets and non-targets of VoxCeleb1-O, cleaned
LARGEST = (289_921, 289_897)  # of VoxCeleb1-E, cleaned
SPEAKERS = 1_251
ROUNDS = 5
RESAMPLES = 20


def metrics_speed() -> dict[str, Any]:
    """Best of five, in milliseconds; SpeechBrain's EER once, in the same run."""
    small, large = _scores(*SMALLEST), _scores(*LARGEST)
    ours_ms = _milliseconds(lambda: _eer_and_min_dcf(*small))
    theirs_ms = _speechbrain_ms(*small)
    return {
        "trials": len(small[0]),
        "eer_and_min_dcf_ms": round(ours_ms, 2),
        "speechbrain_eer_ms": round(theirs_ms),
        "times_faster": round(theirs_ms / ours_ms),
        "large_trials": len(large[0]),
        "large_eer_and_min_dcf_ms": round(_milliseconds(lambda: _eer_and_min_dcf(*large))),
        "large_cllr_and_min_cllr_ms": round(_milliseconds(lambda: (cllr(*large), min_cllr(error_curve(*large))))),
        "large_resample_ms": round(_milliseconds(lambda: _bootstrap(*large), rounds=1) / RESAMPLES),
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
    return _milliseconds(lambda: EER(targets, nontargets), rounds=1)


def _milliseconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        took.append((time.perf_counter() - started) * 1000)
    return min(took)
