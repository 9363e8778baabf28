"""All voices of a stream: which of them speaks, what they learn, which two turn out to be one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speakerid.diarization.clustering import Calibrated, Evidence
from speakerid.services.live.assign import Assigned, AssignOptions, assign
from speakerid.services.live.live_speaker import LiveVoice
from speakerid.types import FloatArray

MOST = 32  # voices, 20 MB; whoever comes after them is taken for the nearest


class OnlineClustering:
    """`voices` in order of first appearance."""

    def __init__(self, calibrated: Calibrated, dim: int, options: AssignOptions, merge_llr: float) -> None:
        self._calibrated = calibrated
        self._dim = dim
        self._options = options
        self._merge_llr = merge_llr
        self.voices: list[LiveVoice] = []
        self._coming: LiveVoice | None = None  # the first new voice of what is being said

    def assign(self, windows: Evidence) -> Assigned:
        """Nothing is learned yet."""
        full = len(self.voices) >= MOST
        options = replace(self._options, begins_s=np.inf) if full else self._options
        return assign(self._calibrated, windows, self._centers(), options)

    def voice(self, assigned: Assigned, label: int) -> LiveVoice:
        """A known voice, or one that `learn` would make known: the first of these is the same one until then."""
        if label < len(self.voices):
            return self.voices[label]
        center = assigned.voices[label].astype(np.float64)
        if label > len(self.voices):
            return LiveVoice(center)
        self._coming = self._coming or LiveVoice(center)
        self._coming.total = center
        return self._coming

    def learn(self, windows: Evidence, assigned: Assigned) -> dict[int, LiveVoice]:
        """The voice of each label. New ones become known, known ones learn from what surely is theirs."""
        found = {int(label): self.voice(assigned, int(label)) for label in np.unique(assigned.labels)}
        new = [voice for label, voice in found.items() if label >= len(self.voices)]
        for voice in new:
            voice.total[:] = 0.0
        sure = set(assigned.sure(self._options.same_llr))
        for nth, label in enumerate(assigned.labels):
            voice = found[int(label)]
            if nth in sure or voice in new:
                voice.total += windows.embeddings[nth]
        self.voices += new
        self._coming = None
        return found

    def merge(self, voice: LiveVoice) -> tuple[LiveVoice, LiveVoice] | None:
        """Where `voice` and another one are alike by the probes of both: the older, which takes in the other."""
        others = [(one, one.probe) for one in self.voices if one is not voice and one.probe is not None]
        if voice.probe is None or not others:
            return None
        llrs = self._calibrated(np.array([float(probe @ voice.probe) for _, probe in others]))
        if llrs.max() < self._merge_llr:
            return None
        kept, gone = sorted((voice, others[int(llrs.argmax())][0]), key=self.voices.index)
        kept.take_in(gone)
        self.voices.remove(gone)
        return kept, gone

    def _centers(self) -> FloatArray:
        """`(v, dim)`."""
        return np.stack([one.center for one in self.voices]) if self.voices else np.zeros((0, self._dim), np.float32)
