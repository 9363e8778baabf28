"""Quality measures of a probe, which shift its llrs: short, noisy or band-limited speech scores low for everyone.

They enter the logistic regression beside the score (Thienpondt, Desplanques & Demuynck, "The IDLab VoxSRC-20
submission", ICASSP 2021, https://arxiv.org/abs/2010.11255). Only the probe is measured, so that the candidates keep
their order: measures of both sides, or of their mismatch, favor candidates who were enrolled badly
(docs/decisions/0007).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.sides import Side

MEASURES = ("log_seconds", "snr", "octaves_below_full_band")
SECONDS_RANGE = (0.5, 10.0)  # beyond, more speech changes a score little
SNR_RANGE_DB = (0.0, 30.0)
USUAL_SNR_DB = 20.0  # where there was no pause to measure it in
BAND_RANGE_HZ = (2_000.0, 8_000.0)


def measures(probes: Side) -> NDArray[np.float64]:
    """`(p, 3)`: the `MEASURES` of p probes, all of the order of 1."""
    seconds = np.log(np.clip(probes.seconds, *SECONDS_RANGE))
    snr, octaves = heard(np.where(np.isnan(probes.snr_db), USUAL_SNR_DB, probes.snr_db), probes.bandwidth_hz).T
    return np.stack([seconds, snr, octaves], axis=1)


def heard(snr_db: NDArray[np.float64], bandwidth_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(n, 2)`: how n recordings were heard, whatever was said; both of the order of 1. NaN where the SNR is."""
    octaves = np.log2(BAND_RANGE_HZ[1] / np.clip(bandwidth_hz, *BAND_RANGE_HZ))
    return np.stack([np.clip(snr_db, *SNR_RANGE_DB) / 10.0, octaves], axis=1)
