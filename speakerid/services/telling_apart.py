"""Which voice each window of a recording holds: first by the windows alone, then by the turns that they make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from speakerid.diarization import clustering
from speakerid.diarization.clustering import ClusterOptions, Compare, Labels
from speakerid.diarization.resegment import likeliest_path
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.sides import Side

CHANGE_COST = 2.0  # llr by which another voice must fit better in all before the speaker changes
ROUNDS = 3  # of drawing the voices anew and going through the windows again


def by_windows(calibration: Calibration, windows: Side, options: ClusterOptions, speakers: int | None = None) -> Labels:
    """The voice of each window; `speakers`: at most as many."""
    labels = clustering.cluster(
        len(windows), _comparing(calibration, windows), options.window_stop_llr, options, speakers
    )
    return _settled(calibration, windows, labels, clustering.without_small(labels, options.fewest))


def by_turns(
    calibration: Calibration, windows: Side, turns: Side, options: ClusterOptions, speakers: int | None
) -> Labels:
    """The same by `turns`, in which a voice is heard better than in a window; at least one."""
    found = clustering.cluster(len(turns), _comparing(calibration, turns), options.turn_stop_llr, options, speakers)
    labels = _likeliest(calibration, windows, _voices(turns, found, np.unique(found)))
    return _settled(calibration, windows, labels, np.unique(labels))


def voices_of(windows: Side, labels: Labels) -> Side:
    """A row for each voice in `labels`, which are 0 to n - 1."""
    return _voices(windows, labels, np.arange(int(labels.max()) + 1))


def _settled(calibration: Calibration, windows: Side, labels: Labels, chosen: NDArray[np.intp]) -> Labels:
    for _ in range(ROUNDS):
        labels = _likeliest(calibration, windows, _voices(windows, labels, chosen))
        chosen = np.unique(labels)
    return labels


def _likeliest(calibration: Calibration, windows: Side, voices: Side) -> Labels:
    return likeliest_path(calibration.compare(windows.embeddings, voices.embeddings), CHANGE_COST)


def _voices(members: Side, labels: Labels, chosen: NDArray[np.intp]) -> Side:
    seconds = np.array([members.seconds[labels == number].sum() for number in chosen])
    embeddings = clustering.means(members.embeddings * members.seconds[:, None].astype(np.float32), labels, chosen)
    return replace(members[chosen], embeddings=embeddings, seconds=seconds)


def _comparing(calibration: Calibration, members: Side) -> Compare:
    def compare(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        return calibration.compare(members[rows].embeddings, members[columns].embeddings)

    return compare
