"""Made-up voices whose gallery scores are known to be alike, or shifted, from those of the default calibration."""

from __future__ import annotations

import numpy as np

from speakerid.scoring.calibration import Calibration
from speakerid.scoring.curves import Floats
from speakerid.scoring.fit import fit, trials
from speakerid.scoring.gallery_trials import GalleryTrials, Places, gallery_trials
from speakerid.scoring.quality import MEASURES
from speakerid.scoring.scorer import Scorer
from speakerid.scoring.sides import Side
from speakerid.types import FloatArray, Speech

DIM = 24
SPREAD = 0.9  # of the utterances of one speaker, against 1.0 of the speakers
SPEECH = Speech(seconds=3.0, snr_db=20.0, clipping_ratio=0.0, bandwidth_hz=8000)


def utterances(rng: np.random.Generator, speakers: int, each: int, alike: float = 0.0) -> tuple[Side, Places]:
    """`alike` adds a direction that all speakers share, as a common channel would: they score higher."""
    common = alike * np.sqrt(DIM) * np.eye(DIM)[0]
    places = np.repeat(np.arange(speakers), each)
    rows = rng.normal(size=(speakers, DIM))[places] + SPREAD * rng.normal(size=(len(places), DIM)) + common
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return side(unit), places


def side(embeddings: FloatArray) -> Side:
    return Side.of(embeddings, [SPEECH] * len(embeddings))


def default_scorer() -> Scorer:
    """Fitted on 60 other speakers, three utterances each."""
    rows, places = utterances(np.random.default_rng(100), 60, 3)
    found = gallery_trials(Scorer(_identity()), rows, places)
    return Scorer(_fit(found.scores[found.targets], found.scores[found.nontargets]))


def made_trials(scorer: Scorer, seed: int, speakers: int, each: int = 3, alike: float = 0.0) -> GalleryTrials:
    return gallery_trials(scorer, *utterances(np.random.default_rng(seed), speakers, each, alike))


def _identity() -> Calibration:
    return _fit(np.linspace(0, 1, 100), np.linspace(-0.5, 0.5, 100))


def _fit(targets: Floats, nontargets: Floats) -> Calibration:
    kinds = (trials(scores, np.zeros((len(scores), len(MEASURES)))) for scores in (targets, nontargets))
    return fit(*kinds, fitted_on="made up", fingerprint="f")
