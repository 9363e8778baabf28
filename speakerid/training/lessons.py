"""What the student should say of a batch of clean crops.

The teacher's vector of the whole utterance is steady, but it is one point per voice, and a student learns the list by
heart: with nothing else, cosines were 0.81 on training voices and 0.61 on others. The teacher's vector of the very crop
is a new point every time (Beyer et al. 2022, https://arxiv.org/abs/2106.05237: a consistent teacher), and lets a crop
be played at any speed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from speakerid.training.crops import Batch

Teach = Callable[[Tensor], Tensor]  # clean crops (n, samples) to centered unit vectors (n, dim)
GRAIN = 320  # samples; lengths after a change of speed are multiples, so that FFTs stay quick


@dataclass(frozen=True)
class LessonOptions:
    crop_weight: float = 0.0  # of the crop's vector against the whole utterance's
    respeed: float = 0.3  # share of batches played at another speed; their target is the crop's vector alone
    mix: float = 0.0  # share of batches where each crop is mixed with another one; target likewise
    speeds: tuple[float, float] = (0.8, 1.25)


@dataclass(frozen=True)
class Lesson:
    clean: Tensor  # (rows, samples)
    target: Tensor  # (rows, dim), unit vectors
    voice: Tensor  # (rows,), -1 where the voice is no class


class Lessons:
    """`targets` `(entries, dim)` and `voice` `(entries,)` are those of the bank."""

    def __init__(self, targets: Tensor, voice: Tensor, teach: Teach | None, options: LessonOptions) -> None:
        self._targets, self._voice, self._teach, self._options = targets, voice, teach, options

    def __call__(self, batch: Batch, random: np.random.Generator) -> Lesson:
        target, voice = self._targets[batch.entry], self._voice[batch.entry]
        if self._teach is None:
            return Lesson(batch.clean, target, voice)
        clean = self._unheard(batch.clean, random)
        if clean is not batch.clean:
            return Lesson(clean, self._teach(clean), torch.full_like(voice, -1))
        weight = self._options.crop_weight
        if weight > 0:
            target = functional.normalize(weight * self._teach(clean) + (1 - weight) * target)
        return Lesson(clean, target, voice)

    def _unheard(self, clean: Tensor, random: np.random.Generator) -> Tensor:
        """Now and then another speed, now and then two voices at once; else `clean` itself."""
        if random.random() < self._options.respeed:
            clean = respeed(clean, float(np.exp(random.uniform(*np.log(self._options.speeds)))))
        if random.random() < self._options.mix:
            share = torch.from_numpy(random.uniform(0.0, 0.5, (len(clean), 1)).astype(np.float32))
            clean = (1 - share) * clean + share * clean.roll(1, dims=0)
        return clean


def respeed(clean: Tensor, factor: float) -> Tensor:
    """Every row played `factor` times faster, by cutting or filling up its spectrum."""
    length = clean.shape[1]
    new = round(length / factor / GRAIN) * GRAIN
    spectrum = torch.fft.rfft(clean)[:, : new // 2 + 1]
    faster: Tensor = torch.fft.irfft(spectrum, n=new) * (new / length)
    return faster
