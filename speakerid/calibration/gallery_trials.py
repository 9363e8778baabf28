"""A gallery against itself: every enrollment utterance against every voiceprint, its own speaker's without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.metrics.eer import Flags, Floats
from speakerid.scoring.calibration import Calibration, OwnStrangers, own_strangers
from speakerid.scoring.cosine import cosine, shares, voiceprint
from speakerid.types import Combining, FloatArray

Places = NDArray[np.intp]


@dataclass(frozen=True)
class GalleryTrials:
    """u enrollment utterances against n voiceprints `(u, n)`; NaN where a speaker has no utterance but this one."""

    scores: Floats
    llrs: Floats
    speaker: Places  # (u,) whose utterance it is: the own column

    @property
    def speakers(self) -> int:
        return int(self.scores.shape[1])

    @property
    def known(self) -> Flags:
        flags: Flags = ~np.isnan(self.scores)
        return flags

    @property
    def own(self) -> Flags:
        flags: Flags = np.equal.outer(self.speaker, np.arange(self.speakers))
        return flags

    @property
    def targets(self) -> Flags:
        return self.own & self.known

    @property
    def nontargets(self) -> Flags:
        return ~self.own

    def own_strangers(self, default: Calibration) -> OwnStrangers | None:
        """Every utterance asked as a stranger among the others. None for too few speakers."""
        others = np.where(self.own, -1.0, self.scores).max(axis=1)
        return own_strangers(others, self.speaker, self.speakers - 1, default.strangers)

    def only(self, speakers: Places) -> GalleryTrials:
        """As if only these, in rising order, were enrolled."""
        rows = np.isin(self.speaker, speakers)
        places = np.searchsorted(speakers, self.speaker[rows])
        return GalleryTrials(self.scores[rows][:, speakers], self.llrs[rows][:, speakers], places)


@dataclass(frozen=True)
class Utterances:
    """u enrollment utterances: `embeddings (u, dim)`, `seconds (u,)` of speech, and whose they are, from 0 on."""

    embeddings: FloatArray
    seconds: Floats
    speaker: Places  # (u,) numbers without a gap
    combining: Combining = "mean"  # how they become voiceprints

    def voiceprints(self) -> FloatArray:
        """`(speakers, dim)`"""
        return np.stack([self._voiceprint(rows) for rows in self._by_speaker()])

    def scores(self) -> Floats:
        """`(u, speakers)` cosines; NaN where a speaker has no utterance but this one."""
        found = np.asarray(cosine(self.embeddings, self.voiceprints()), np.float64)
        for place, rows in enumerate(self._by_speaker()):
            if len(rows) == 1:
                found[rows, place] = np.nan
                continue
            rest = np.stack([self._voiceprint(rows[rows != row]) for row in rows])
            found[rows, place] = np.diag(cosine(self.embeddings[rows], rest))
        return found

    def _by_speaker(self) -> list[Places]:
        return [np.flatnonzero(self.speaker == place) for place in range(int(self.speaker.max()) + 1)]

    def _voiceprint(self, rows: Places) -> FloatArray:
        return voiceprint(self.embeddings[rows], shares(self.combining, self.seconds[rows]))


def gallery_trials(calibration: Calibration, utterances: Utterances) -> GalleryTrials:
    scores = utterances.scores()
    return GalleryTrials(scores, calibration.llr(scores), utterances.speaker)
