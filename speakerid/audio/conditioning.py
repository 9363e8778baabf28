"""Removal of DC and rumble, before anything listens: voice activity, noise level or an encoder.

Butterworth of fourth order. Second order leaves 1.6 % of a rumble at 5 Hz, which is loud beside quiet speech.
Written in numpy: `scipy.signal` would add 79 MB and 0.7 s to a service that needs nothing else of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

CUTOFF_HZ = 40.0
QUALITIES = (0.541196100146197, 1.306562964876377)  # of the two pairs of poles of a fourth-order Butterworth
FLOOR = np.float32(2.0**-24)  # half a step of 24 bits: below it the decaying tail of a sound is digital silence
ONSET = 400  # samples, 25 ms: the period of the cutoff
BLOCK = 128  # samples that one matrix product filters
CHUNK = 512 * BLOCK

Wide = NDArray[np.float64]
StateSpace = tuple[Wide, Wide, Wide, float]  # state' = A state + b x; y = c state + d x


def high_pass(samples: FloatArray) -> FloatArray:
    """(n,) at 16 kHz without what lies below 40 Hz."""
    return HighPass()(samples)


class HighPass:
    """The same for pieces that follow each other: together they give what the whole gives. For one thread at a time.

    Before the first sample comes the point reflection of the first ones, so that neither an offset nor a slope has an
    onset. Only a first piece of less than ONSET samples reflects less.
    """

    def __init__(self) -> None:
        self._state: Wide | None = None  # (4,)

    def __call__(self, samples: FloatArray) -> FloatArray:
        if not len(samples):
            return samples
        if self._state is None:
            self._start(samples[: ONSET + 1].astype(np.float64))
        filtered = np.empty_like(samples, np.float32)
        for start in range(0, len(samples), CHUNK):  # float64 of all of a recording would be much memory
            filtered[start : start + CHUNK] = self._filter(samples[start : start + CHUNK])
        filtered[np.abs(filtered) < FLOOR] = 0.0
        return filtered

    def _start(self, first: Wide) -> None:
        before = 2 * first[0] - first[::-1]
        self._state = RESTING * before[0]
        self._filter(before[:-1])

    def _filter(self, samples: FloatArray | Wide) -> Wide:
        wide = samples.astype(np.float64)
        whole = len(wide) // BLOCK * BLOCK
        return np.concatenate((self._blocks(wide[:whole].reshape(-1, BLOCK)), self._rest(wide[whole:])))

    def _blocks(self, blocks: Wide) -> Wide:
        """`blocks`: (n, BLOCK) -> (n * BLOCK,)."""
        states = np.empty((len(blocks), len(RESTING)))
        for nth, driven in enumerate(blocks @ DRIVEN.T):
            states[nth] = self._state
            self._state = CARRIED @ self._state + driven
        return np.asarray(blocks @ RESPONSE.T + states @ OBSERVED.T).reshape(-1)

    def _rest(self, rest: Wide) -> Wide:
        """Fewer than BLOCK samples."""
        n = len(rest)
        filtered = RESPONSE[:n, :n] @ rest + OBSERVED[:n] @ self._state
        self._state = np.linalg.matrix_power(STEP[0], n) @ self._state + DRIVEN[:, BLOCK - n :] @ rest
        return filtered


def _section(quality: float) -> StateSpace:
    """A second-order high-pass by the bilinear transform, in the transposed direct form II."""
    angle = 2 * np.pi * CUTOFF_HZ / SAMPLE_RATE_HZ
    alpha = np.sin(angle) / (2 * quality)
    b = np.array([0.5, -1.0, 0.5]) * (1 + np.cos(angle)) / (1 + alpha)
    a = np.array([-2 * np.cos(angle), 1 - alpha]) / (1 + alpha)
    return np.array([[-a[0], 1.0], [-a[1], 0.0]]), b[1:] - a * b[0], np.array([1.0, 0.0]), float(b[0])


def _in_series(first: StateSpace, second: StateSpace) -> StateSpace:
    (a1, b1, c1, d1), (a2, b2, c2, d2) = first, second
    step = np.block([[a1, np.zeros((len(a1), len(a2)))], [np.outer(b2, c1), a2]])
    return step, np.concatenate((b1, b2 * d1)), np.concatenate((d2 * c1, c2)), d1 * d2


def _response(step: StateSpace, observed: Wide) -> Wide:
    """(BLOCK, BLOCK) lower triangular: what each sample of a block adds to the block's output."""
    _, b, _, d = step
    impulse = np.concatenate(([d], observed[:-1] @ b))
    lag = np.subtract.outer(np.arange(BLOCK), np.arange(BLOCK))
    return np.asarray(np.where(lag >= 0, impulse[lag], 0.0))


STEP = _in_series(*map(_section, QUALITIES))
_POWERS = [np.linalg.matrix_power(STEP[0], n) for n in range(BLOCK + 1)]
CARRIED = _POWERS[BLOCK]  # what a block leaves of the state before it
OBSERVED = np.stack([STEP[2] @ power for power in _POWERS[:BLOCK]])  # (BLOCK, 4): what that state adds to its output
DRIVEN = np.stack([power @ STEP[1] for power in reversed(_POWERS[:BLOCK])], axis=1)  # (4, BLOCK): what it adds to it
RESPONSE = _response(STEP, OBSERVED)
RESTING = np.linalg.solve(np.eye(len(CARRIED)) - STEP[0], STEP[1])  # the state after an endless 1.0
