"""Made-up speakers whose gallery scores are known to be alike, or shifted, from those of the default calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speakerid.calibration.fit import logistic
from speakerid.calibration.gallery_trials import GalleryTrials, Utterances, gallery_trials
from speakerid.scoring.calibration import GENERIC, Calibration, Strangers

DIM = 24
SPREAD = 0.9  # of the utterances of one speaker, against 1.0 of the speakers
SECONDS = 3.0


def utterances(rng: np.random.Generator, speakers: int, each: int, alike: float = 0.0) -> Utterances:
    """`alike` adds a direction that all speakers share, as a common channel would: they score higher."""
    common = alike * np.sqrt(DIM) * np.eye(DIM)[0]
    places = np.repeat(np.arange(speakers), each)
    rows = rng.normal(size=(speakers, DIM))[places] + SPREAD * rng.normal(size=(len(places), DIM)) + common
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return Utterances(unit, np.full(len(unit), SECONDS), places)


# Of the best among n of these speakers; measured on the 60 of `default_calibration`, in galleries of 1 to 59.
STRANGERS = Strangers(mean=0.0, growth=0.2, deviation=0.1, between=0.0)


def default_calibration() -> Calibration:
    """Fitted on 60 other speakers, three utterances each."""
    found = utterances(np.random.default_rng(100), 60, 3)
    scores, own = found.scores(), np.equal.outer(found.speaker, np.arange(60))
    slope, intercept = logistic([(scores[own], scores[~own])])
    return replace(
        GENERIC, slope=slope, intercept=intercept, strangers=STRANGERS, domains=("made up",), fingerprint="f"
    )


def made_trials(calibration: Calibration, seed: int, speakers: int, each: int = 3, alike: float = 0.0) -> GalleryTrials:
    return gallery_trials(calibration, utterances(np.random.default_rng(seed), speakers, each, alike))
