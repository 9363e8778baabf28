"""Whose windows are these? Those of one stretch are grouped, and each group is a voice heard before or a new one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from speakerid.diarization.clustering import Calibrated, ClusterOptions, Count, Evidence, Floats, Labels, cluster
from speakerid.types import FloatArray


@dataclass(frozen=True)
class AssignOptions:
    """llrs of the encoder's default calibration, within one recording."""

    same_llr: float = 0.0  # a group and a voice are one from here on
    begins_s: float = 1.0  # of windows, from which a voice may begin; less goes to the nearest
    clusters: ClusterOptions = field(default_factory=ClusterOptions)


@dataclass(frozen=True)
class Assigned:
    """`labels (n,)` point into `voices (v, dim)`: known ones first, then new ones. `fits (n,)`: their llrs."""

    labels: Labels
    voices: FloatArray
    fits: Floats

    def sure(self, same_llr: float) -> NDArray[np.intp]:
        """Windows that their voice may learn from: like it, and not beside a change of speaker."""
        labels = self.labels
        alone = [bool((labels[max(nth - 1, 0) : nth + 2] == labels[nth]).all()) for nth in range(len(labels))]
        found: NDArray[np.intp] = np.flatnonzero(np.array(alone) & (self.fits >= same_llr))
        return found

    def first(self, count: int) -> Assigned:
        """The same of the first `count` windows."""
        return Assigned(self.labels[:count], self.voices, self.fits[:count])


def assign(calibrated: Calibrated, windows: Evidence, known: FloatArray, options: AssignOptions) -> Assigned:
    """`windows`, in order, of one stretch; `known (v, dim)`."""
    groups, centers, seconds = _groups(calibrated, windows, options.clusters)
    llrs = calibrated((centers @ known.T).astype(np.float64))
    begin = _may_begin(seconds, len(known), options.begins_s) & (llrs.max(axis=1, initial=-np.inf) < options.same_llr)
    voices = np.concatenate([known, centers[begin]])
    places = np.where(begin, len(known) + np.cumsum(begin) - 1, llrs.argmax(axis=1) if len(known) else 0)
    labels = places[groups].astype(np.intp)
    fits = calibrated((windows.embeddings * voices[labels]).sum(axis=1).astype(np.float64))
    return Assigned(labels, voices, fits)


def _groups(calibrated: Calibrated, windows: Evidence, options: ClusterOptions) -> tuple[Labels, FloatArray, Floats]:
    """The group of each window, the largest group first; the centers `(g, dim)` and the seconds of all groups."""
    found = cluster(windows, calibrated, options, Count())
    seconds = np.bincount(found.labels, windows.alone_s).astype(np.float64)
    order = np.argsort(-seconds, kind="stable")
    return np.argsort(order)[found.labels], found.centers(windows)[order], seconds[order]


def _may_begin(seconds: Floats, known: int, begins_s: float) -> NDArray[np.bool_]:
    """What a stretch holds beside its largest group may be two voices in one window: a second window must agree."""
    needed = np.full(len(seconds), 2 * begins_s)
    needed[0] = begins_s if known else 0.0
    may: NDArray[np.bool_] = seconds >= needed
    return may
