"""Another room, microphone, line and background for every crop, a batch at a time.

One utterance per speaker means one recording per speaker: without this a model learns microphones, not speakers. Rooms,
equalizers and band limits are products in the frequency domain (circular over the crop, which is harmless), so a batch
costs a few FFTs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from speakerid.audio.conditioning import CUTOFF_HZ, ORDER
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.training.codecs import CODECS, through
from speakerid.types import FloatArray

EQ_POINTS_HZ = (60, 120, 250, 500, 1000, 2000, 4000, 8000)
FRAME = 320  # 20 ms, for gates
TAPE = 30 * SAMPLE_RATE_HZ


@dataclass(frozen=True)
class AugmentOptions:
    """Shares of rows that get each treatment, and their ranges."""

    intact: float = 0.3  # rows left as they are: most speech to come is clean, and fine detail is worth learning
    room: float = 0.5
    noise: float = 0.6
    snr_db: tuple[float, float] = (2.0, 25.0)
    babble: float = 0.4  # of the noisy rows
    equalizer: float = 0.7
    equalizer_db: float = 4.0
    low_pass: float = 0.15
    narrow: float = 0.35  # 8 kHz sampling, as on the telephone
    mu_law: float = 0.6  # of the narrow rows
    high_pass: float = 0.35
    gate: float = 0.2  # digital silence where the speaker pauses
    gaps: float = 0.1  # digital silence at random places
    clip: float = 0.08
    coded: float = 0.06  # a real codec: 20 ms a second on one core, hence few
    floor: float = 0.4
    floor_db: tuple[float, float] = (-90.0, -40.0)


class Augmenter:
    """Call it with clean crops `(n, samples)` in [-1, 1]; the answer has the same shape."""

    def __init__(self, rooms: Sequence[FloatArray], noises: Sequence[FloatArray], options: AugmentOptions) -> None:
        self.options = options
        self._rooms = rooms
        self._tapes = [torch.from_numpy(np.tile(n, -(-TAPE // len(n)))[:TAPE]) for n in noises] + _colored_tapes()
        self._white = self._tapes[-1]
        self._room_spectra: dict[int, Tensor] = {}

    def __call__(self, clean: Tensor, random: np.random.Generator) -> Tensor:
        length = clean.shape[1]
        intact = _chosen(clean.shape[0], self.options.intact, random)
        spectrum = torch.fft.rfft(clean)
        spectrum = self._reverberate(spectrum, length, random)
        spectrum = spectrum + torch.fft.rfft(self._noise(clean, random))
        spectrum = spectrum * self._channel(clean.shape[0], length, random)
        wave = torch.fft.irfft(spectrum, n=length)
        wave = self._telephone(wave, random)
        wave = self._coded(wave, random)
        wave = self._damage(wave, random)
        wave[intact] = clean[intact]
        return wave

    def _reverberate(self, spectrum: Tensor, length: int, random: np.random.Generator) -> Tensor:
        rows = _chosen(spectrum.shape[0], self.options.room, random)
        if not self._rooms or not len(rows):
            return spectrum
        if length not in self._room_spectra:
            padded = torch.zeros(len(self._rooms), length)
            for i, room in enumerate(self._rooms):
                padded[i, : min(len(room), length)] = torch.from_numpy(room[:length])
            self._room_spectra[length] = torch.fft.rfft(padded)
        which = torch.from_numpy(random.integers(len(self._rooms), size=len(rows)))
        spectrum[rows] = spectrum[rows] * self._room_spectra[length][which]
        return spectrum

    def _noise(self, clean: Tensor, random: np.random.Generator) -> Tensor:
        """Babble of the other rows, a recorded or a colored noise, at the drawn SNR; zero for rows that stay quiet."""
        n, length = clean.shape
        noise = torch.zeros_like(clean)
        level = clean.square().mean(dim=1).sqrt().clamp(min=1e-6)
        for row in _chosen(n, self.options.noise, random).tolist():
            if n > 1 and random.random() < self.options.babble:
                others = (row + 1 + random.integers(0, n - 1, size=int(random.integers(1, 7)))) % n
                added = clean[torch.from_numpy(others)].sum(dim=0)
            else:
                added = _cut(self._tapes[int(random.integers(len(self._tapes)))], length, random)
            snr_db = random.uniform(*self.options.snr_db)
            loudness = added.square().mean().sqrt().clamp(min=1e-6)
            noise[row] = added * (level[row] / loudness * 10 ** (-snr_db / 20))
        return noise

    def _channel(self, n: int, length: int, random: np.random.Generator) -> Tensor:
        """Gains `(n, length // 2 + 1)`: a wavy equalizer, a low-pass, a high-pass; the high-pass of the audio path."""
        hz = torch.linspace(0, SAMPLE_RATE_HZ / 2, length // 2 + 1)
        waves = torch.from_numpy(random.standard_normal((n, len(EQ_POINTS_HZ))).astype(np.float32))
        waves *= self.options.equalizer_db * torch.from_numpy(random.random((n, 1)) < self.options.equalizer)
        gain = torch.pow(10.0, (waves @ _hats(hz)) / 20) / (1 + (CUTOFF_HZ / hz.clamp(min=1.0)).pow(2 * ORDER)).sqrt()
        for row in _chosen(n, self.options.low_pass, random).tolist():
            gain[row] /= 1 + (hz / random.uniform(2500, 7500)).pow(int(random.integers(4, 20)))
        for row in _chosen(n, self.options.high_pass, random).tolist():
            gain[row] /= 1 + (random.uniform(60, 350) / hz.clamp(min=1.0)).pow(int(random.integers(2, 10)))
        return gain

    def _coded(self, wave: Tensor, random: np.random.Generator) -> Tensor:
        for row in _chosen(wave.shape[0], self.options.coded, random).tolist():
            codec = CODECS[int(random.integers(len(CODECS)))]
            wave[row] = torch.from_numpy(through(wave[row].numpy(), codec))
        return wave

    def _telephone(self, wave: Tensor, random: np.random.Generator) -> Tensor:
        """To 8 kHz and back, with G.711 mu-law on a share of the rows."""
        rows = _chosen(wave.shape[0], self.options.narrow, random)
        if not len(rows):
            return wave
        length = wave.shape[1]
        spectrum = torch.fft.rfft(wave[rows])[:, : length // 4 + 1]
        narrow = torch.fft.irfft(spectrum, n=length // 2) / 2
        coded = _mu_law(narrow, torch.from_numpy(random.uniform(0.05, 1.0, (len(rows), 1)).astype(np.float32)))
        use = torch.from_numpy(random.random((len(rows), 1)) < self.options.mu_law)
        spectrum = torch.fft.rfft(torch.where(use, coded, narrow))
        wide = torch.zeros(len(rows), length // 2 + 1, dtype=spectrum.dtype)
        wide[:, : length // 4] = spectrum[:, : length // 4]
        wave[rows] = torch.fft.irfft(wide, n=length) * 2
        return wave

    def _damage(self, wave: Tensor, random: np.random.Generator) -> Tensor:
        n, length = wave.shape
        wave = wave / wave.abs().amax(dim=1, keepdim=True).clamp(min=1e-6)
        for row in _chosen(n, self.options.clip, random).tolist():
            limit = random.uniform(0.1, 0.6)
            wave[row] = wave[row].clamp(-limit, limit) / limit
        for row in _chosen(n, self.options.floor, random).tolist():
            level = 10 ** (random.uniform(*self.options.floor_db) / 20)
            wave[row] += level * _cut(self._white, length, random)
        rows = _chosen(n, self.options.gate, random)
        if len(rows):
            wave[rows] = gate(wave[rows], torch.from_numpy(random.uniform(15, 45, (len(rows), 1)).astype(np.float32)))
        for row in _chosen(n, self.options.gaps, random).tolist():
            for _ in range(int(random.integers(1, 4))):
                size = int(random.uniform(0.03, 0.2) * length)
                start = int(random.integers(0, length - size))
                wave[row, start : start + size] = 0.0
        return wave


def gate(wave: Tensor, below_peak_db: Tensor) -> Tensor:
    """Digital silence in every 20 ms frame more than `below_peak_db` `(n, 1)` under the loudest frame of its row."""
    n, length = wave.shape
    frames = length // FRAME
    power = wave[:, : frames * FRAME].reshape(n, frames, FRAME).square().mean(dim=2)
    smooth = torch.nn.functional.max_pool1d(power[:, None], kernel_size=5, stride=1, padding=2)[:, 0]
    keep = smooth >= smooth.amax(dim=1, keepdim=True) * torch.pow(10.0, -below_peak_db / 10)
    mask = keep.float().repeat_interleave(FRAME, dim=1)
    mask = torch.nn.functional.pad(mask, (0, length - mask.shape[1]), value=0.0)
    return wave * mask


def _mu_law(wave: Tensor, level: Tensor) -> Tensor:
    """8-bit mu-law (ITU-T G.711) of `wave` scaled to peak `level` `(n, 1)`; the loudness comes back as it was."""
    peak = wave.abs().amax(dim=1, keepdim=True).clamp(min=1e-6)
    x = wave / peak * level
    squeezed = torch.sign(x) * torch.log1p(255 * x.abs()) / np.log(256)
    steps = torch.round(squeezed * 127) / 127
    return torch.sign(steps) * (torch.pow(256.0, steps.abs()) - 1) / 255 * peak / level


def _chosen(n: int, share: float, random: np.random.Generator) -> Tensor:
    return torch.from_numpy(np.flatnonzero(random.random(n) < share))


def _cut(tape: Tensor, length: int, random: np.random.Generator) -> Tensor:
    start = int(random.integers(0, len(tape) - length))
    return tape[start : start + length]


def _colored_tapes(count: int = 8) -> list[Tensor]:
    """Noises of unit loudness whose power falls by 9 dB an octave (the first) to 0 dB (the last, white)."""
    source = torch.Generator().manual_seed(0)
    tapes = []
    for i in range(count):
        spectrum = torch.fft.rfft(torch.randn(TAPE, generator=source))
        slope = torch.arange(1, spectrum.shape[0] + 1).float().pow(-1.5 * (1 - i / (count - 1)))
        slope[: int(TAPE * CUTOFF_HZ / SAMPLE_RATE_HZ)] = 0.0  # the audio path removes it, so it counts for no SNR
        tape = torch.fft.irfft(spectrum * slope, n=TAPE)
        tapes.append(tape / tape.square().mean().sqrt())
    return tapes


def _hats(hz: Tensor) -> Tensor:
    """Linear interpolation in log frequency from the equalizer's points: `(points, bins)`, columns sum to one."""
    points = torch.log2(torch.tensor(EQ_POINTS_HZ, dtype=torch.float32))
    octave = torch.log2(hz.clamp(min=float(EQ_POINTS_HZ[0])))
    position = torch.searchsorted(points, octave).clamp(1, len(points) - 1)
    right = (octave - points[position - 1]) / (points[position] - points[position - 1])
    hats = torch.zeros(len(points), len(hz))
    columns = torch.arange(len(hz))
    hats[position, columns] = right
    hats[position - 1, columns] = 1 - right
    return hats
