"""The equal error rate on speakers kept aside: pieces of three seconds, every pair of different recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from speakerid.training.data import SAMPLE_RATE_HZ, Samples, Source
from speakerid.training.devsets import DevSet
from speakerid.training.finetune_errors import NoHeldOutTrials
from speakerid.training.metrics import Interval, eer_of
from speakerid.types import FloatArray

PIECE_S = 3.0  # whole files are often so long that any encoder tells them apart
MIN_HALVED_S = 2.0
MAX_OF_ONE = 10  # a speaker with hundreds of recordings would decide alone
MAX_PIECES = 1200  # 720,000 pairs: an interval in seconds
Read = Callable[[Source], Samples]
Embed = Callable[[Sequence[Samples]], FloatArray]


def held_out_set(sources: Sequence[Source], read: Read) -> DevSet:
    """One piece of each recording; a speaker's only recording is halved. Raises `NoHeldOutTrials`."""
    made = DevSet("held-out speakers")
    speakers = sorted({str(source.speaker) for source in sources})
    most = max(2, min(MAX_OF_ONE, MAX_PIECES // max(len(speakers), 1)))
    for number, speaker in enumerate(speakers):
        files = [source for source in sources if source.speaker == speaker][:most]
        for piece in _pieces([read(source) for source in files]):
            made.add(piece, number, len(made.waves))
    if len(set(made.speakers)) == len(made.speakers) or len(speakers) < 2:
        raise NoHeldOutTrials(MIN_HALVED_S)
    return made


def _pieces(recordings: list[Samples]) -> list[Samples]:
    if len(recordings) == 1 and len(recordings[0]) >= MIN_HALVED_S * SAMPLE_RATE_HZ:
        recordings = np.array_split(recordings[0], 2)
    return [_middle(recording) for recording in recordings]


def _middle(speech: Samples) -> Samples:
    size = int(PIECE_S * SAMPLE_RATE_HZ)
    start = max(0, (len(speech) - size) // 2)
    return speech[start : start + size]


def measure(embed: Embed, made: DevSet) -> Interval:
    """Percent, with an interval over resampled speakers."""
    speakers, sessions = made.labels()
    return eer_of(np.concatenate([embed([wave]) for wave in made.waves]), speakers, sessions)
