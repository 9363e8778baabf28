"""A gallery against itself: every enrollment utterance against every voiceprint, its own speaker's without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.scoring.combining import shares
from speakerid.scoring.cosine import voiceprint
from speakerid.scoring.curves import Flags, Floats
from speakerid.scoring.scorer import Scorer
from speakerid.scoring.sides import Side
from speakerid.types import Combining

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

    def only(self, speakers: Places) -> GalleryTrials:
        """As if nobody but these, in rising order, were enrolled."""
        rows = np.isin(self.speaker, speakers)
        places = np.searchsorted(speakers, self.speaker[rows])
        return GalleryTrials(self.scores[rows][:, speakers], self.llrs[rows][:, speakers], places)


def gallery_trials(scorer: Scorer, utterances: Side, speaker: Places, combining: Combining = "mean") -> GalleryTrials:
    """`speaker (u,)` says whose each utterance is, by numbers from 0 without a gap."""
    own = _rows(speaker)
    pairs = scorer.compare(utterances, voiceprints(utterances, speaker, combining))
    scores, llrs = np.array(pairs.scores, np.float64), np.array(pairs.llrs)
    for place, rows in enumerate(own):
        if len(rows) == 1:
            scores[rows, place] = llrs[rows, place] = np.nan
            continue
        rest = Side.joined([_print(utterances[rows[rows != row]], combining) for row in rows])
        left_out = scorer.compare(utterances[rows], rest)
        scores[rows, place], llrs[rows, place] = np.diag(left_out.scores), np.diag(left_out.llrs)
    return GalleryTrials(scores, llrs, speaker)


def voiceprints(utterances: Side, speaker: Places, combining: Combining = "mean") -> Side:
    """One row a speaker."""
    return Side.joined([_print(utterances[rows], combining) for rows in _rows(speaker)])


def _rows(speaker: Places) -> list[Places]:
    return [np.flatnonzero(speaker == place) for place in range(int(speaker.max()) + 1)]


def _print(utterances: Side, combining: Combining) -> Side:
    """The voiceprint of one speaker's utterances, as one row."""
    known = utterances.snr_db[~np.isnan(utterances.snr_db)]
    return Side(
        voiceprint(utterances.embeddings, shares(combining, utterances.seconds))[np.newaxis, :],
        np.array([utterances.seconds.sum()]),
        np.array([known.mean() if len(known) else np.nan]),
        np.array([utterances.bandwidth_hz.mean()]),
        None if utterances.keys is None else utterances.keys[:1],
    )
