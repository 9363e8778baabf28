"""Development sets cut from `shared/speech`, of speakers no training run has heard.

They are small: read the intervals, not the points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from speakerid.training.augment import gate
from speakerid.training.codecs import CODECS, through
from speakerid.training.data import (
    SAMPLE_RATE_HZ,
    Samples,
    hold_out_last,
    list_speakers,
    load,
    load_speech,
    strip_silence,
)

HELD_OUT_SPEAKERS = 51
CROPS_PER_HALF = 3
Change = Callable[[Samples, np.random.Generator], Samples]


@dataclass
class DevSet:
    name: str
    waves: list[Samples] = field(default_factory=list)
    speakers: list[int] = field(default_factory=list)
    recordings: list[int] = field(default_factory=list)  # pairs within one are not scored

    def add(self, wave: Samples, speaker: int, recording: int) -> None:
        self.waves.append(wave)
        self.speakers.append(speaker)
        self.recordings.append(recording)

    def labels(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return np.array(self.speakers, dtype=np.int64), np.array(self.recordings, dtype=np.int64)


def all_sets(root: Path) -> Iterator[DevSet]:
    noises = [load(p) for p in sorted((root / "noise").glob("noise*.flac"))]
    noisy = _noisy(noises, snr_db=10.0)
    amr = next(c for c in CODECS if c.name == "libopencore_amrnb")
    yield _halves("held-out 3 s", root, 3.0, _unchanged)
    yield _halves("held-out 1.5 s", root, 1.5, _unchanged)
    yield _halves("held-out 3 s, 10 dB", root, 3.0, noisy)
    yield _halves("held-out 3 s, AMR 12.2", root, 3.0, lambda wave, _: through(wave, amr))
    yield _halves("held-out 3 s, gated", root, 3.0, lambda wave, _: _gated(wave))
    yield _dev("dev 3 s", root, 3.0, _unchanged)
    yield _dev("dev 1.5 s", root, 1.5, _unchanged)
    yield _digits("digits 8 kHz", root, gap_s=0.0)
    yield _digits("digits 8 kHz, digital silence", root, gap_s=0.25)


def _unchanged(wave: Samples, _: np.random.Generator) -> Samples:
    return wave


def _halves(name: str, root: Path, seconds: float, change: Change) -> DevSet:
    """One utterance a speaker: crops of its first half against crops of its second."""
    made, random = DevSet(name), np.random.default_rng(5)
    held_out = hold_out_last(list_speakers(root / "librispeech" / "train", "librispeech"), HELD_OUT_SPEAKERS).held_out
    for number, source in enumerate(held_out):
        for recording, half in enumerate(np.array_split(load_speech(source.path, 2.0), 2)):
            for _ in range(CROPS_PER_HALF):
                made.add(change(_crop(half, seconds, random), random), number, recording)
    return made


def _dev(name: str, root: Path, seconds: float, change: Change) -> DevSet:
    made, random = DevSet(name), np.random.default_rng(6)
    sources = list_speakers(root / "librispeech" / "dev", "dev")
    ids = sorted({str(s.speaker) for s in sources})
    for recording, source in enumerate(sources):
        speech = load_speech(source.path, 1.0)
        for _ in range(CROPS_PER_HALF):
            made.add(change(_crop(speech, seconds, random), random), ids.index(str(source.speaker)), recording)
    return made


def _digits(name: str, root: Path, gap_s: float) -> DevSet:
    """Strings of five digits of one take, each digit stripped of its margins; `gap_s` of zeros between them."""
    made, random = DevSet(name), np.random.default_rng(7)
    takes: dict[tuple[str, str], list[Path]] = {}
    for path in sorted((root / "fsdd").rglob("*.wav")):
        _, speaker, take = path.stem.split("_")
        takes.setdefault((speaker, take), []).append(path)
    ids = sorted({speaker for speaker, _ in takes})
    gap = np.zeros(int(gap_s * SAMPLE_RATE_HZ), dtype=np.float32)
    for recording, ((speaker, _), paths) in enumerate(sorted(takes.items())):
        for chosen in np.array_split(random.permutation(len(paths)), 2):
            words = [part for i in chosen for part in (strip_silence(load(paths[i])), gap)]
            made.add(np.concatenate(words), ids.index(speaker), recording)
    return made


def _crop(speech: Samples, seconds: float, random: np.random.Generator) -> Samples:
    samples = int(seconds * SAMPLE_RATE_HZ)
    start = int(random.integers(0, max(1, len(speech) - samples + 1)))
    return speech[start : start + samples]


def _noisy(noises: list[Samples], snr_db: float) -> Change:
    def add(wave: Samples, random: np.random.Generator) -> Samples:
        noise = noises[int(random.integers(len(noises)))]
        noise = np.tile(noise, -(-len(wave) * 2 // len(noise)))
        start = int(random.integers(0, len(noise) - len(wave) + 1))
        noise = noise[start : start + len(wave)]
        level = np.linalg.norm(wave) / max(float(np.linalg.norm(noise)), 1e-6) * 10 ** (-snr_db / 20)
        return (wave + level * noise).astype(np.float32)

    return add


def _gated(wave: Samples) -> Samples:
    """Digital silence in the pauses, as after a noise gate or discontinuous transmission."""
    closed: Samples = gate(torch.from_numpy(wave.copy())[None], torch.tensor([[30.0]]))[0].numpy()
    return closed
