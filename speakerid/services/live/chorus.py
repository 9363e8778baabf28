"""All voices of a stream: which of them speaks, what they learn, which two turn out to be one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from speakerid.scoring.calibration import Calibration
from speakerid.scoring.sides import Side
from speakerid.services.live.assign import Assigned, AssignOptions, assign
from speakerid.services.live.voices import LiveVoice, windows_side

MOST = 32  # voices, 20 MB; whoever comes after them is taken for the nearest


class Chorus:
    """`voices` in order of first appearance."""

    def __init__(self, calibration: Calibration, options: AssignOptions, merge_llr: float) -> None:
        self._calibration = calibration
        self._options = options
        self._merge_llr = merge_llr
        self.voices: list[LiveVoice] = []
        self._coming: LiveVoice | None = None  # the first new voice of what is being said

    def assign(self, windows: Side) -> Assigned:
        """Nothing is learned yet."""
        full = len(self.voices) >= MOST
        return assign(
            self._calibration,
            windows,
            self._centers(),
            replace(self._options, begins_s=np.inf) if full else self._options,
        )

    def voice(self, assigned: Assigned, label: int) -> LiveVoice:
        """A known voice, or one that `learn` would make known: the first of these is the same one until then."""
        if label < len(self.voices):
            return self.voices[label]
        center = assigned.voices.embeddings[label].astype(np.float64)
        if label > len(self.voices):
            return LiveVoice(center)
        self._coming = self._coming or LiveVoice(center)
        self._coming.total = center
        return self._coming

    def learn(self, windows: Side, assigned: Assigned) -> dict[int, LiveVoice]:
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
                voice.window_s += float(windows.seconds[nth])
        self.voices += new
        self._coming = None
        return found

    def merge(self, voice: LiveVoice) -> tuple[LiveVoice, LiveVoice] | None:
        """Where `voice` and another one are alike by the probes of both: the older, which takes in the other."""
        others = [one for one in self.voices if one is not voice and one.probe is not None]
        if voice.probe is None or not others:
            return None
        probes = windows_side([one.probe for one in (voice, *others) if one.probe is not None], _seconds(voice, others))
        llrs = self._calibration.compare(probes[:1].embeddings, probes[1:].embeddings)[0]
        if llrs.max() < self._merge_llr:
            return None
        kept, gone = sorted((voice, others[int(llrs.argmax())]), key=self.voices.index)
        kept.take_in(gone)
        self.voices.remove(gone)
        return kept, gone

    def _centers(self) -> Side | None:
        if not self.voices:
            return None
        return windows_side([one.center for one in self.voices], [one.window_s for one in self.voices])


def _seconds(voice: LiveVoice, others: Sequence[LiveVoice]) -> list[float]:
    return [one.seconds for one in (voice, *others)]
