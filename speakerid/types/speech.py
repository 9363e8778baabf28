"""What was heard in a recording."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Speech:
    """How much and how good the speech in one recording is."""

    seconds: float  # net speech after voice activity detection
    snr_db: float | None  # None when there is no pause to measure the noise in
    clipping_ratio: float  # share of samples at full scale, 0..1
    bandwidth_hz: int  # highest frequency that carries speech; 4000 for telephone
