"""One conditioning for all audio: blocks at any rate to 16 kHz mono, then without DC and rumble.

Resampling works piece by piece: memory is bounded by the result, not by the source.

The high-pass comes before voice activity, noise level and encoder. It is a Butterworth
of eighth order: a rumble at 5 Hz of a tenth of full scale becomes digital silence. Of fourth order it stays
at -92 dBFS, which is enough to tip frames of voice activity in quiet recordings.
Written in numpy: `scipy.signal` would add 79 MB and 0.7 s to a service that needs nothing else of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, reduce

import numpy as np
import soxr
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel, DecodeLimits, check_channel, check_rate
from speakerid.errors import InvalidSamples, MalformedAudio
from speakerid.types import FloatArray

PIECE_FRAMES = 65_536  # resampled at once; codec frames alone (20 ms) would cost more in calls than in arithmetic
MAX_CHANGES = 64  # of rate within one file: chained radio streams have a few, damaged files thousands
CANCELED = 0.04  # 14 dB below what the mean would keep of the loudest channel if all others were silent
MAX_ABS = 2.0**31  # floats scaled like integers still pass; beyond, powers overflow float32
CUTOFF_HZ = 40.0
ORDER = 8
QUALITIES = tuple(0.5 / np.cos(np.arange(1, ORDER, 2) * np.pi / (2 * ORDER)))  # of its pairs of poles
FLOOR = np.float32(2.0**-24)  # half a step of 24 bits: below it the decaying tail of a sound is digital silence …
QUIET = 16  # … after so many samples: single ones are speech that was recorded at a very low level
ONSET = 1024  # samples, 64 ms: half a period of 8 Hz
DEGREE = 6  # of the polynomial through them: it follows rumble up to 8 Hz within 0.02 %, and speech hardly
BLOCK = 32  # samples that one matrix product filters
GROUP = 16  # blocks whose states one product gives
CHUNK = 128 * GROUP * BLOCK  # samples filtered at once, 4 s
PRODUCT = 262_144  # multiplications in one call: of more the BLAS makes threads, which cost more than they help

Wide = NDArray[np.float64]
StateSpace = tuple[Wide, Wide, Wide, float]  # state' = A state + b x; y = c state + d x


class Collector:
    """Takes blocks, keeps the wanted channel, resamples and counts against the limits."""

    def __init__(self, limits: DecodeLimits, channel: Channel) -> None:
        self._limits = limits
        self._channel = channel
        self._waiting: list[FloatArray] = []
        self._waiting_frames = 0
        self._done: list[FloatArray] = []
        self._done_samples = 0
        self._resampler: soxr.ResampleStream | None = None
        self._format: tuple[int, int] | None = None  # rate_hz, channels of the source
        self._rate_hz = 0
        self._changes = 0
        self._most_channels = 0
        self.seconds = 0.0
        self.samples = 0  # frames x channels at the source's rate

    def add(self, frames: FloatArray, rate_hz: int) -> None:
        """Add `frames` (n, channels). Raises TooManyChannels, NoSuchChannel, AudioTooLong, UnsupportedAudio."""
        if (rate_hz, frames.shape[1]) != self._format:
            self._check_format(rate_hz, frames.shape[1])
        self.seconds += len(frames) / rate_hz
        self.samples += frames.size
        self._limits.check_length(self.seconds, max(self.samples, self._done_samples))
        kept = _picked(frames, 0 if self._stands_for_all(frames) else self._channel)
        if self._waiting and self._waiting[0].shape[1] != kept.shape[1]:
            self._resample(last=False)
        if rate_hz != self._rate_hz:
            self._change(rate_hz)
        self._waiting.append(kept)
        self._waiting_frames += len(kept)
        if self._waiting_frames >= PIECE_FRAMES:
            self._resample(last=False)

    def _stands_for_all(self, frames: FloatArray) -> bool:
        """Whether the one channel of `frames` follows a part of the recording that had the wanted one."""
        wanted = self._channel
        self._most_channels = max(self._most_channels, frames.shape[1])
        return wanted != "mix" and frames.shape[1] == 1 and 0 < wanted < self._most_channels

    def _check_format(self, rate_hz: int, channels: int) -> None:
        """Check a format, once a stream and again where it changes. Raises TooManyChannels, UnsupportedAudio."""
        self._limits.check_channels(channels)
        check_rate(rate_hz)
        self._format = (rate_hz, channels)

    def drain(self) -> list[FloatArray]:
        """What is at 16 kHz by now, each piece once: (n,) each."""
        done, self._done = self._done, []
        return done

    def finish(self) -> list[FloatArray]:
        """The rest."""
        self._resample(last=True)
        return self.drain()

    def _change(self, rate_hz: int) -> None:
        self._resample(last=True)
        self._changes += 1
        if self._changes > MAX_CHANGES:
            raise MalformedAudio("The audio changes its rate or channels while it runs. Export it again.")
        self._rate_hz = rate_hz
        same = rate_hz == SAMPLE_RATE_HZ
        self._resampler = None if same else soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32")

    def _resample(self, last: bool) -> None:
        if not self._waiting and self._resampler is None:
            return
        piece = _joined(self._waiting)
        self._waiting, self._waiting_frames = [], 0
        if self._channel == "mix":
            piece = mixed(piece)
        out = piece if self._resampler is None else self._resampler.resample_chunk(piece, last=last)
        self._done_samples += out.size
        self._done.append(out[:, 0])


def _joined(pieces: list[FloatArray]) -> FloatArray:
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate(pieces) if pieces else np.zeros((0, 1), np.float32)


def _picked(frames: FloatArray, channel: Channel) -> FloatArray:
    """(n, channels) -> (n, 1) for one channel, all for "mix". Raises NoSuchChannel."""
    if channel == "mix":
        return frames
    check_channel(channel, frames.shape[1])
    return np.ascontiguousarray(frames[:, channel : channel + 1])


def mean(frames: FloatArray) -> FloatArray:
    """(n, channels) -> (n, 1)."""
    return frames if frames.shape[1] == 1 else _mean(np.ascontiguousarray(frames.T))


def mixed(frames: FloatArray) -> FloatArray:
    """(n, channels) -> (n, 1): their mean, or the loudest where they cancel each other.

    A stereo recording whose right channel is the left one inverted has silence for its mean.
    """
    if frames.shape[1] == 1 or not len(frames):
        return mean(frames)
    rows = np.ascontiguousarray(frames.T)  # along a channel numpy is ten times as fast as across
    both, powers = _mean(rows), rows.var(axis=1)  # variances, because offsets do not cancel
    if both.var() >= CANCELED * powers.max() / frames.shape[1] ** 2:
        return both
    loudest = int(powers.argmax())
    return np.ascontiguousarray(frames[:, loudest : loudest + 1])


def _mean(rows: FloatArray) -> FloatArray:
    """(channels, n) -> (n, 1)."""
    total: FloatArray = rows[0] + rows[1]
    for row in rows[2:]:
        total += row
    total /= np.float32(len(rows))
    return total[:, np.newaxis]


def rechunked(pieces: Iterable[FloatArray], size: int) -> Iterator[FloatArray]:
    """The same samples, `size` at a time; the last piece may be shorter, none is empty."""
    waiting: list[FloatArray] = []
    have = 0
    for piece in pieces:
        waiting.append(piece)
        have += len(piece)
        if have < size:
            continue
        whole = np.concatenate(waiting)
        cut = have // size * size
        yield from whole[:cut].reshape(-1, size)
        waiting, have = [whole[cut:]], have - cut
    if have:
        yield np.concatenate(waiting)


def checked(samples: FloatArray) -> FloatArray:
    """The same samples. Raises InvalidSamples if one is NaN, infinite or absurdly large."""
    if samples.size and not max(samples.max(), -samples.min()) <= MAX_ABS:  # false for NaN too
        raise InvalidSamples
    return samples


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
        for start in range(0, len(samples), CHUNK):
            filtered[start : start + CHUNK] = self._filter(samples[start : start + CHUNK])
        small = np.flatnonzero(np.abs(filtered) < FLOOR)
        if not len(small):  # as in most speech
            self._quiet = 0
            return filtered
        filtered[small[self._quiet_for(small, len(filtered)) > QUIET]] = 0.0
        return filtered

    def _quiet_for(self, small: NDArray[np.intp], total: int) -> NDArray[np.intp]:
        """(m,): how many samples in a row lie below FLOOR, up to each of these places of `total`."""
        first = np.maximum.accumulate(np.where(np.diff(small, prepend=-2) > 1, small, 0))  # of each row
        quiet: NDArray[np.intp] = small - first + 1 + (first == 0) * self._quiet
        self._quiet = int(quiet[-1]) if small[-1] == total - 1 else 0
        return quiet

    def _filter(self, samples: FloatArray | Wide) -> Wide:
        wide = samples.astype(np.float64)
        whole = len(wide) // BLOCK * BLOCK
        filtered = self._blocks(wide[:whole].reshape(-1, BLOCK))
        return filtered if whole == len(wide) else np.concatenate((filtered, self._rest(wide[whole:])))

    def _blocks(self, blocks: Wide) -> Wide:
        """Filter `blocks` (n, BLOCK) -> (n * BLOCK,)."""
        assert self._state is not None
        states = BLOCK_STEPS.states(_product(blocks, DRIVEN.T), self._state)
        self._state = states[-1]
        filtered = _product(blocks, RESPONSE.T)
        filtered += _product(states[:-1], OBSERVED.T)
        return filtered.reshape(-1)

    def _rest(self, rest: Wide) -> Wide:
        """Filter fewer than BLOCK samples."""
        n = len(rest)
        filtered = RESPONSE[:n, :n] @ rest + OBSERVED[:n] @ self._state
        self._state = np.linalg.matrix_power(STEP[0], n) @ self._state + DRIVEN[:, BLOCK - n :] @ rest
        return filtered


def _product(rows: Wide, matrix: Wide) -> Wide:
    """`rows (n, k) @ matrix (k, m)`, so many rows at a time that the BLAS makes no threads."""
    found = np.empty((len(rows), matrix.shape[1]))
    size = PRODUCT // matrix.size
    whole = len(rows) // size * size
    np.matmul(rows[:whole].reshape(-1, size, len(matrix)), matrix, out=found[:whole].reshape(-1, size, found.shape[1]))
    np.matmul(rows[whole:], matrix, out=found[whole:])
    return found


class _Steps:
    """How states follow each other: `carried @ state + driven`, GROUP steps by one product, and so on above."""

    def __init__(self, carried: Wide, levels: int) -> None:
        powers = [np.linalg.matrix_power(carried, n) for n in range(GROUP + 1)]
        nothing = np.zeros((ORDER, ORDER))
        self._carried = carried
        self._above = _Steps(powers[GROUP], levels - 1) if levels else None  # of which a step is a group of these
        # What the state before a group adds to the states in it, and what its steps are driven by to these and …
        self._spread = np.concatenate([one.T for one in powers[:GROUP]], axis=1)
        rows = [[powers[to - of - 1].T if to > of else nothing for to in range(GROUP)] for of in range(GROUP)]
        self._within = np.block(rows)
        self._added = np.concatenate([one.T for one in reversed(powers[:GROUP])])  # … to the state behind it.

    def states(self, driven: Wide, first: Wide) -> Wide:
        """Before each step that is `driven` (n, ORDER), and behind the last: (n + 1, ORDER)."""
        if self._above is None:
            return self._one_by_one(driven, first)
        whole = np.zeros((-(-len(driven) // GROUP) * GROUP, ORDER))  # steps that nothing drives change none before them
        whole[: len(driven)] = driven
        groups = whole.reshape(-1, GROUP * ORDER)
        before = self._above.states(_product(groups, self._added), first)
        within = _product(groups, self._within)
        within += _product(before[:-1], self._spread)
        return np.concatenate((within.reshape(-1, ORDER), before[-1:]))[: len(driven) + 1]

    def _one_by_one(self, driven: Wide, first: Wide) -> Wide:
        found = np.empty((len(driven) + 1, ORDER))
        found[0] = first
        for nth, one in enumerate(driven):
            found[nth + 1] = self._carried @ found[nth] + one
        return found


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
# Each laid out by columns, because products are with its transpose: the BLAS takes half as long for rows.
# (BLOCK, ORDER): what that state adds to the block's output; (ORDER, BLOCK): what the block adds to the state.
OBSERVED = np.asfortranarray(np.stack([STEP[2] @ power for power in _POWERS[:BLOCK]]))
DRIVEN = np.stack([power @ STEP[1] for power in reversed(_POWERS[:BLOCK])]).T
RESPONSE = np.asfortranarray(_response(STEP, OBSERVED))
BLOCK_STEPS = _Steps(CARRIED, levels=2)
RESTING = np.linalg.solve(np.eye(ORDER) - STEP[0], STEP[1])  # the state after an endless 1.0
