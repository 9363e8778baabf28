"""Clustering of a stream: the windows of one utterance are grouped, and each group is a known speaker or a new one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.diarization.clustering import Calibrated, ClusterOptions, Evidence, Floats, Labels, cluster
from speakerid.types import FloatArray, RecordedVoice, SpeakerCount

MOST = 32  # speakers, 20 MB; whoever comes after them is taken for the nearest
PROBE = 20 * SAMPLE_RATE_HZ  # samples, the first of a speaker, that are embedded as one probe
FULL_SCALE = np.float32(32_767.0)


@dataclass(frozen=True)
class AssignOptions:
    """Options of online clustering: llrs of the encoder's default calibration, within one recording."""

    same_llr: float = 0.0  # a group and a speaker are one from here on
    begins_s: float = 1.0  # of windows, from which a speaker may begin; less goes to the nearest
    clusters: ClusterOptions = field(default_factory=ClusterOptions)


@dataclass(frozen=True)
class Assigned:
    """Windows with their speakers.

    `labels (n,)` point into `centers (v, dim)`, known ones first. `fits (n,)`: their llrs.
    """

    labels: Labels
    centers: FloatArray
    fits: Floats

    def sure(self, same_llr: float) -> NDArray[np.intp]:
        """Windows that their speaker's center may learn from: like it, and not beside a change of speaker."""
        labels = self.labels
        alone = [bool((labels[max(nth - 1, 0) : nth + 2] == labels[nth]).all()) for nth in range(len(labels))]
        found: NDArray[np.intp] = np.flatnonzero(np.array(alone) & (self.fits >= same_llr))
        return found

    def first(self, count: int) -> Assigned:
        """The same of the first `count` windows."""
        return Assigned(self.labels[:count], self.centers, self.fits[:count])


def assign(calibrated: Calibrated, windows: Evidence, known: FloatArray, options: AssignOptions) -> Assigned:
    """Assign `windows`, in order, of one utterance to the centers `known (v, dim)` or to new ones."""
    groups, centers, seconds = _groups(calibrated, windows, options.clusters)
    llrs = calibrated((centers @ known.T).astype(np.float64))
    begin = _may_begin(seconds, len(known), options.begins_s) & (llrs.max(axis=1, initial=-np.inf) < options.same_llr)
    speakers = np.concatenate([known, centers[begin]])
    places = np.where(begin, len(known) + np.cumsum(begin) - 1, llrs.argmax(axis=1) if len(known) else 0)
    labels = places[groups].astype(np.intp)
    fits = calibrated((windows.embeddings * speakers[labels]).sum(axis=1).astype(np.float64))
    return Assigned(labels, speakers, fits)


def _groups(calibrated: Calibrated, windows: Evidence, options: ClusterOptions) -> tuple[Labels, FloatArray, Floats]:
    """The group of each window, the largest group first; the centers `(g, dim)` and the seconds of all groups."""
    found = cluster(windows, calibrated, options, SpeakerCount())
    seconds = np.bincount(found.labels, windows.alone_s).astype(np.float64)
    order = np.argsort(-seconds, kind="stable")
    return np.argsort(order)[found.labels], found.centers(windows)[order], seconds[order]


def _may_begin(seconds: Floats, known: int, begins_s: float) -> NDArray[np.bool_]:
    """A group beside the largest one may be two speakers in one window: a second window must agree."""
    needed = np.full(len(seconds), 2 * begins_s)
    needed[0] = begins_s if known else 0.0
    may: NDArray[np.bool_] = seconds >= needed
    return may


@dataclass(eq=False)
class LiveSpeaker:
    """A person: `total (dim,)` sums the embeddings of their windows, `probe (dim,)` embeds their first speech."""

    total: NDArray[np.float64]
    seconds: float = 0.0  # of their final turns
    turns: list[int] = field(default_factory=list)
    probe: FloatArray | None = None
    probed: bool = False  # whether the probe holds all that it could
    judged: RecordedVoice | None = None
    judged_s: float = 0.0  # speech behind `judged`
    unknown: int | None = None  # which of the unknown ones they are, once they were called so
    enough: bool = False
    _speech: NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))

    @property
    def center(self) -> FloatArray:
        center: FloatArray = (self.total / np.linalg.norm(self.total)).astype(np.float32)
        return center

    @property
    def full(self) -> bool:
        """Whether more speech would not change the probe."""
        return len(self._speech) >= PROBE

    def add_speech(self, samples: FloatArray) -> None:
        """Add more of their speech, (n,)."""
        self.seconds += len(samples) / SAMPLE_RATE_HZ
        self.probed = self.probed and self.full
        more = np.rint(np.clip(samples, -1.0, 1.0) * FULL_SCALE).astype(np.int16)
        self._speech = np.concatenate([self._speech, more])[:PROBE]

    def speech(self, more: FloatArray | None = None) -> FloatArray:
        """(n,): what a probe is made of, `more` included while there is room."""
        own = self._speech.astype(np.float32) / FULL_SCALE
        return own if more is None else np.concatenate([own, more])[:PROBE]

    def absorb(self, other: LiveSpeaker) -> None:
        """Take over all of `other`, who turned out to be the same person."""
        self.probed = self.probed and self.full
        self.total = self.total + other.total
        self.seconds += other.seconds
        self.turns = sorted(self.turns + other.turns)
        self.enough = self.enough or other.enough
        self._speech = np.concatenate([self._speech, other._speech])[:PROBE]


class OnlineClustering:
    """All speakers of a stream, in order of first appearance: who speaks, what is learned, which two are one."""

    def __init__(self, calibrated: Calibrated, dim: int, options: AssignOptions, merge_llr: float) -> None:
        self._calibrated = calibrated
        self._dim = dim
        self._options = options
        self._merge_llr = merge_llr
        self.speakers: list[LiveSpeaker] = []
        self._coming: LiveSpeaker | None = None  # the first new speaker of the open utterance

    def assign(self, windows: Evidence) -> Assigned:
        """The speakers of `windows`; nothing is learned yet."""
        full = len(self.speakers) >= MOST
        options = replace(self._options, begins_s=np.inf) if full else self._options
        return assign(self._calibrated, windows, self._centers(), options)

    def speaker(self, assigned: Assigned, label: int) -> LiveSpeaker:
        """A known speaker, or one that `learn` would make known: the first of these is the same one until then."""
        if label < len(self.speakers):
            return self.speakers[label]
        center = assigned.centers[label].astype(np.float64)
        if label > len(self.speakers):
            return LiveSpeaker(center)
        self._coming = self._coming or LiveSpeaker(center)
        self._coming.total = center
        return self._coming

    def learn(self, windows: Evidence, assigned: Assigned) -> dict[int, LiveSpeaker]:
        """The speaker of each label. New ones become known, known ones learn from what surely is theirs."""
        found = {int(label): self.speaker(assigned, int(label)) for label in np.unique(assigned.labels)}
        new = [speaker for label, speaker in found.items() if label >= len(self.speakers)]
        for speaker in new:
            speaker.total[:] = 0.0
        sure = set(assigned.sure(self._options.same_llr))
        for nth, label in enumerate(assigned.labels):
            speaker = found[int(label)]
            if nth in sure or speaker in new:
                speaker.total += windows.embeddings[nth]
        self.speakers += new
        self._coming = None
        return found

    def merge(self, speaker: LiveSpeaker) -> tuple[LiveSpeaker, LiveSpeaker] | None:
        """Merge `speaker` with one alike by the probes of both: the older, who absorbs the other, and that one."""
        others = [(one, one.probe) for one in self.speakers if one is not speaker and one.probe is not None]
        if speaker.probe is None or not others:
            return None
        llrs = self._calibrated(np.array([float(probe @ speaker.probe) for _, probe in others]))
        if llrs.max() < self._merge_llr:
            return None
        kept, gone = sorted((speaker, others[int(llrs.argmax())][0]), key=self.speakers.index)
        kept.absorb(gone)
        self.speakers.remove(gone)
        return kept, gone

    def _centers(self) -> FloatArray:
        """`(v, dim)`."""
        return (
            np.stack([one.center for one in self.speakers]) if self.speakers else np.zeros((0, self._dim), np.float32)
        )
