"""Two voices in one recording."""

from __future__ import annotations

from itertools import chain, zip_longest

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

SECOND_VOICE = (0.2, 0.5)  # of the whole
TURN_SAMPLES = 2 * SAMPLE_RATE_HZ  # the second voice speaks at least as long at a time, where it speaks so long at all


def in_turns(first: FloatArray, second: FloatArray, random: np.random.Generator) -> FloatArray:
    """As much of both `(n,)` as gives the second voice a random share, in one turn or several, either one last."""
    share = random.uniform(*SECOND_VOICE)
    total = min(len(first) / (1.0 - share), len(second) / share)
    mine, theirs = first[: int(total * (1.0 - share))], second[: int(total * share)]
    turns = int(random.integers(1, max(1, len(theirs) // TURN_SAMPLES) + 1))
    replies = np.array_split(theirs, turns)
    lines = np.array_split(mine, turns + int(random.integers(2)))
    turns_taken = chain.from_iterable(zip_longest(lines, replies))
    conversation: FloatArray = np.concatenate([turn for turn in turns_taken if turn is not None])
    return conversation
