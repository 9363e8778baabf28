"""Whose windows are these? Those of one stretch are grouped, and each group is a voice heard before or a new one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from speakerid.diarization.clustering import ClusterOptions, Labels, cluster, means
from speakerid.diarization.resegment import likeliest_path
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.sides import Side


@dataclass(frozen=True)
class AssignOptions:
    """llrs of the encoder's default calibration."""

    same_llr: float = 0.0  # a group and a voice are one from here on
    change_cost: float = 2.0  # by which another voice must fit better in all before the speaker changes
    begins_s: float = 1.0  # of windows, from which a voice may begin; less goes to the nearest
    clusters: ClusterOptions = field(default_factory=ClusterOptions)


@dataclass(frozen=True)
class Assigned:
    """`labels (n,)` point into `voices`: the known ones first, then those that are new. `fits (n,)`: llr of each."""

    labels: Labels
    voices: Side
    fits: NDArray[np.float64]

    def sure(self, same_llr: float) -> NDArray[np.intp]:
        """Windows that their voice may learn from: like it, and not beside a change of speaker."""
        labels = self.labels
        alone = [bool((labels[max(nth - 1, 0) : nth + 2] == labels[nth]).all()) for nth in range(len(labels))]
        found: NDArray[np.intp] = np.flatnonzero(np.array(alone) & (self.fits >= same_llr))
        return found

    def first(self, count: int) -> Assigned:
        """The same of the first `count` windows."""
        return Assigned(self.labels[:count], self.voices, self.fits[:count])


def assign(calibration: Calibration, windows: Side, known: Side | None, options: AssignOptions) -> Assigned:
    """`windows`, in order, of one stretch. `known` is None before anybody was heard."""
    groups = _groups(calibration, windows, options.clusters)
    count = 0 if known is None else len(known)
    nearest, llrs = _nearest(calibration, groups, known)
    begin = _may_begin(groups.seconds, count, options.begins_s) & (llrs < options.same_llr)
    voices = groups[begin] if known is None else Side.joined([known, groups[begin]])
    chosen = np.concatenate([np.unique(nearest[~begin]), np.arange(count, len(voices))]).astype(np.intp)
    fits = calibration.compare(windows.embeddings, voices[chosen].embeddings)
    path = likeliest_path(fits, options.change_cost)
    return Assigned(chosen[path], voices, fits[np.arange(len(windows)), path])


def _groups(calibration: Calibration, windows: Side, options: ClusterOptions) -> Side:
    """The voices of one stretch, the largest first."""

    def compare(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        return calibration.compare(windows[rows].embeddings, windows[columns].embeddings)

    labels = cluster(len(windows), compare, options.window_stop_llr, options)
    order: NDArray[np.intp] = np.argsort(-np.bincount(labels), kind="stable")
    seconds = np.array([windows.seconds[labels == number].sum() for number in order])
    members = windows[np.array([int(np.argmax(labels == number)) for number in order], np.intp)]
    return replace(members, embeddings=means(windows.embeddings, labels, order), seconds=seconds)


def _nearest(
    calibration: Calibration, groups: Side, known: Side | None
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    if known is None:
        return np.zeros(len(groups), np.intp), np.full(len(groups), -np.inf)
    llrs = calibration.compare(groups.embeddings, known.embeddings)
    return llrs.argmax(axis=1), llrs.max(axis=1)


def _may_begin(seconds: NDArray[np.float64], known: int, begins_s: float) -> NDArray[np.bool_]:
    """What a stretch holds beside its largest group may be two voices in one window: a second window must agree."""
    needed = np.full(len(seconds), 2 * begins_s)
    needed[0] = begins_s if known else 0.0
    may: NDArray[np.bool_] = seconds >= needed
    return may
