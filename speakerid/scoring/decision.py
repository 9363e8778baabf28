"""From calibrated scores to an open-set decision. Pure functions; llrs are natural logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

OpenSetDecision = Literal["accept", "unknown", "ambiguous"]


def fmr_for_fpir(target_fpir: float, gallery_size: int) -> float:
    """False match rate per comparison that keeps the chance of naming a stranger at `target_fpir`.

    A stranger is compared with `gallery_size` speakers, taken as independent: fpir = 1 - (1 - fmr)^N
    (ISO/IEC 19795-1). Real comparisons of one probe are positively correlated, so its true fpir is smaller.
    """
    if not 0.0 < target_fpir < 1.0 or gallery_size < 1:
        raise ValueError(f"need 0 < fpir < 1 and a gallery of at least 1, got {target_fpir} and {gallery_size}")
    return -math.expm1(math.log1p(-target_fpir) / gallery_size)


def posterior(llrs: Sequence[float] | NDArray[np.floating], prior: float, enrolled: int) -> NDArray[np.float64]:
    """Probability `(n,)` of each listed speaker; what is missing to 1 is "somebody not enrolled".

    `prior` is the probability, before listening, that the voice belongs to one of the `enrolled` speakers,
    spread equally over them. Enrolled speakers that are not listed count as impossible (llr = -inf).
    """
    if not 0.0 < prior < 1.0 or enrolled < len(llrs):
        raise ValueError(f"need 0 < prior < 1 and enrolled >= {len(llrs)}, got {prior} and {enrolled}")
    if not len(llrs):
        return np.empty(0, np.float64)
    logs = np.asarray(llrs, np.float64) + math.log(prior / enrolled)
    everything = np.logaddexp(np.logaddexp.reduce(logs), math.log1p(-prior))
    probabilities: NDArray[np.float64] = np.exp(logs - everything)
    return probabilities


def decide(llrs: Sequence[float], threshold_llr: float, ambiguous_margin: float) -> OpenSetDecision:
    """Decide on the candidates' `llrs`, best first, one per speaker.

    `ambiguous` when two speakers both reach the threshold and are less than `ambiguous_margin` apart.
    """
    reaching = [llr for llr in llrs[:2] if llr >= threshold_llr]
    if not reaching:
        return "unknown"
    close = len(reaching) == 2 and reaching[0] - reaching[1] < ambiguous_margin
    return "ambiguous" if close else "accept"
