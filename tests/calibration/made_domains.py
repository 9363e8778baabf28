"""Made-up domains: speakers as random directions around a common one, utterances scattered around them."""

from __future__ import annotations

import numpy as np

from speakerid.audit.leave_one_out import unit
from speakerid.calibration.labeled_domain import LabeledDomain

DIM = 48


def made_domain(
    name: str = "made", speakers: int = 30, each: int = 6, *, likeness: float = 0.2, scatter: float = 0.7, seed: int = 0
) -> LabeledDomain:
    """`likeness`: mean cosine of two speakers; `scatter`: length of what differs between utterances of one.

    Every utterance is a session of its own and has six windows.
    """
    random = np.random.default_rng(seed)
    common = unit(random.standard_normal((1, DIM)))
    own = unit(random.standard_normal((speakers, DIM)))
    centers = unit(np.sqrt(likeness) * common + np.sqrt(1.0 - likeness) * own).repeat(each, axis=0)
    rows = unit(centers + scatter / np.sqrt(DIM) * random.standard_normal(centers.shape))
    windows = {at: unit(row + 0.1 * random.standard_normal((6, DIM))) for at, row in enumerate(rows)}
    count = speakers * each
    return LabeledDomain(name, rows, np.arange(count) // each, np.arange(count), np.full(count, 4.5), windows)
