"""Removal of DC and rumble, before voice activity, noise level and encoder.

Butterworth of eighth order: a rumble at 5 Hz of a tenth of full scale becomes digital silence. Of fourth order it stays
at -92 dBFS, which is enough to tip frames of voice activity in quiet recordings.
Written in numpy: `scipy.signal` would add 79 MB and 0.7 s to a service that needs nothing else of it.
"""

from __future__ import annotations

from functools import cache, reduce

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

CUTOFF_HZ = 40.0
ORDER = 8
QUALITIES = tuple(0.5 / np.cos(np.arange(1, ORDER, 2) * np.pi / (2 * ORDER)))  # of its pairs of poles
FLOOR = np.float32(2.0**-24)  # half a step of 24 bits: below it the decaying tail of a sound is digital silence …
QUIET = 16  # … after so many samples: single ones are speech that was recorded at a very low level
ONSET = 1024  # samples, 64 ms: half a period of 8 Hz
DEGREE = 6  # of the polynomial through them: it follows rumble up to 8 Hz within 0.02 %, and speech hardly
BLOCK = 128  # samples that one matrix product filters
CHUNK = 512 * BLOCK

Wide = NDArray[np.float64]
StateSpace = tuple[Wide, Wide, Wide, float]  # state' = A state + b x; y = c state + d x


def high_pass(samples: FloatArray) -> FloatArray:
    """(n,) at 16 kHz without what lies below 40 Hz."""
    return HighPass()(samples)


class HighPass:
    """The same for pieces that follow each other: with ONSET samples in the first, they give what the whole gives.

    For one thread at a time.

    Before the first sample comes, without end, the polynomial that fits the first ONSET samples best: so neither an
    offset nor a slow rumble has an onset. Of a first piece shorter than that it is the mean.
    """

    def __init__(self) -> None:
        self._state: Wide | None = None  # (ORDER,)
        self._quiet = QUIET  # samples below FLOOR at the end of what came

    def __call__(self, samples: FloatArray) -> FloatArray:
        if not len(samples):
            return samples
        if self._state is None:
            self._state = _starting(samples[:ONSET].astype(np.float64))
        filtered = np.empty_like(samples, np.float32)
        for start in range(0, len(samples), CHUNK):  # float64 of all of a recording would be much memory
            filtered[start : start + CHUNK] = self._filter(samples[start : start + CHUNK])
        filtered[self._quiet_for(filtered) > QUIET] = 0.0
        return filtered

    def _quiet_for(self, filtered: FloatArray) -> NDArray[np.intp]:
        """(n,): how many samples in a row lie below FLOOR, each with those before it."""
        places = np.arange(len(filtered))
        loud = np.where(np.abs(filtered) < FLOOR, -1 - self._quiet, places)
        quiet: NDArray[np.intp] = places - np.maximum.accumulate(loud)
        self._quiet = int(quiet[-1])
        return quiet

    def _filter(self, samples: FloatArray | Wide) -> Wide:
        wide = samples.astype(np.float64)
        whole = len(wide) // BLOCK * BLOCK
        return np.concatenate((self._blocks(wide[:whole].reshape(-1, BLOCK)), self._rest(wide[whole:])))

    def _blocks(self, blocks: Wide) -> Wide:
        """Filter `blocks` (n, BLOCK) -> (n * BLOCK,)."""
        states = np.empty((len(blocks), ORDER))
        for nth, driven in enumerate(blocks @ DRIVEN.T):
            states[nth] = self._state
            self._state = CARRIED @ self._state + driven
        return np.asarray(blocks @ RESPONSE.T + states @ OBSERVED.T).reshape(-1)

    def _rest(self, rest: Wide) -> Wide:
        """Filter fewer than BLOCK samples."""
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


def _starting(first: Wide) -> Wide:
    """(ORDER,): the state after what comes before the `first` samples."""
    return _starts() @ first if len(first) == ONSET else RESTING * first.mean()


@cache
def _starts() -> Wide:
    """(ORDER, ONSET). A polynomial of a degree below ORDER is answered by silence; this state goes on with it."""
    polynomials = np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, ONSET), DEGREE)
    driven = np.stack([_from_rest(one) for one in polynomials.T], axis=1)
    carried = [OBSERVED @ np.linalg.matrix_power(CARRIED, n) for n in range(ONSET // BLOCK)]
    states = np.linalg.lstsq(np.concatenate(carried), -driven)[0]
    return np.asarray(states @ np.linalg.pinv(polynomials))


def _from_rest(samples: Wide) -> Wide:
    filtering = HighPass()
    filtering._state = np.zeros(ORDER)
    return filtering._filter(samples)


def _response(step: StateSpace, observed: Wide) -> Wide:
    """(BLOCK, BLOCK) lower triangular: what each sample of a block adds to the block's output."""
    _, b, _, d = step
    impulse = np.concatenate(([d], observed[:-1] @ b))
    lag = np.subtract.outer(np.arange(BLOCK), np.arange(BLOCK))
    return np.asarray(np.where(lag >= 0, impulse[lag], 0.0))


STEP = reduce(_in_series, map(_section, QUALITIES))
_POWERS = [np.linalg.matrix_power(STEP[0], n) for n in range(BLOCK + 1)]
CARRIED = _POWERS[BLOCK]  # what a block leaves of the state before it
# (BLOCK, ORDER): what that state adds to the block's output.
OBSERVED = np.stack([STEP[2] @ power for power in _POWERS[:BLOCK]])
# (ORDER, BLOCK): what the block adds to the state.
DRIVEN = np.stack([power @ STEP[1] for power in reversed(_POWERS[:BLOCK])], axis=1)
RESPONSE = _response(STEP, OBSERVED)
RESTING = np.linalg.solve(np.eye(ORDER) - STEP[0], STEP[1])  # the state after an endless 1.0
