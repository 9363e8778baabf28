"""Development sets cut from `shared/speech`, domain by domain, of speakers that are in no training set.

Everything takes the product's path from file to clean speech. The sets are small: read the intervals, not the points.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from recipes.bundled_encoder.corpora import COMMANDS, OCEAN, READ_ALOUD, SORBIAN
from speakerid.audio.decode import Preparer, decode
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.training.augment import gate
from speakerid.training.codecs import CODECS, through
from speakerid.training.held_out import DevSet
from speakerid.training.speech import Source, list_speakers, strip_silence
from speakerid.types import FloatArray

CROPS = 2
LONGEST_S = 10.0
SHORTEST_S = 0.3  # of speech; less is no trial: the service would refuse it
AMR = next(codec for codec in CODECS if codec.name == "libopencore_amrnb")
Change = Callable[[FloatArray, np.random.Generator], FloatArray]
Recording = Callable[[Source], str]


class DevSets:
    """`root` is the folder shared/speech."""

    def __init__(self, root: Path) -> None:
        self._root, self._preparer = root, Preparer(SileroVad())
        self._noises = [decode(read_file(path)) for path in sorted((root / "noise").glob("noise*.flac"))]

    def __iter__(self) -> Iterator[DevSet]:
        yield self._halves("read, held out, 3 s", 3.0)
        yield self._halves("read, held out, 1.5 s", 1.5)
        yield self._halves("read, held out, 3 s, 10 dB", 3.0, self._noisy)
        yield self._halves("read, held out, 3 s, AMR 12.2", 3.0, _by_telephone)
        yield self._halves("read, held out, 3 s, gated", 3.0, _gated)
        yield self._crops("read, test-other, 3 s", 3.0)
        yield self._crops("read, test-other, 1.5 s", 1.5)
        yield self._digits("digits 8 kHz", gap_s=0.0)
        yield self._digits("digits 8 kHz, digital silence", gap_s=0.25)
        ocean = OCEAN.split(self._root).held_out
        yield self._files("phones, held out", ocean, 5, _each)
        yield self._files("phones, held out, AMR 12.2", ocean, 5, _each, change=_by_telephone)
        yield self._files("own microphones, held out", SORBIAN.split(self._root).held_out, 12, _each)
        yield self._files("commands, held out", COMMANDS.split(self._root).held_out, 36, _each, joined=3)
        yield self._files("homes", self._list("homes"), 3, _each)
        yield self._files("telephone across calls", self._list("calls"), 10, _call)
        yield self._files("acted emotions", self._list("emotion_pl"), 30, _emotion)

    def _list(self, folder: str) -> list[Source]:
        return list_speakers(self._root / "field" / folder, folder)

    def _clean(self, samples: FloatArray) -> FloatArray:
        return self._preparer.clean(samples).samples

    def _add(self, made: DevSet, samples: FloatArray, speaker: int, recording: int) -> None:
        speech = self._clean(samples)[: int(LONGEST_S * SAMPLE_RATE_HZ)]
        if len(speech) >= SHORTEST_S * SAMPLE_RATE_HZ:
            made.add(speech, speaker, recording)

    def _files(
        self, name: str, sources: Sequence[Source], most: int, recording: Recording, joined: int = 1,
        change: Change | None = None,
    ) -> DevSet:  # fmt: skip
        """At most `most` files of each speaker, drawn by a hash of their names, `joined` to a piece."""
        made, random, known = DevSet(name), np.random.default_rng(8), dict[str, int]()
        for number, (_, files) in enumerate(groupby(sources, lambda one: one.speaker)):
            chosen = sorted(files, key=lambda one: zlib.crc32(one.path.name.encode()))[:most]
            for start in range(0, len(chosen), joined):
                group = chosen[start : start + joined]
                samples = np.concatenate([decode(read_file(one.path)) for one in group])
                where = known.setdefault(recording(group[0]), len(known))
                self._add(made, change(samples, random) if change else samples, number, where)
        return made

    def _halves(self, name: str, seconds: float, change: Change | None = None) -> DevSet:
        """One utterance a speaker: crops of its first half against crops of its second."""
        made, random = DevSet(name), np.random.default_rng(5)
        for number, source in enumerate(READ_ALOUD.split(self._root).held_out):
            for recording, half in enumerate(np.array_split(self._clean(decode(read_file(source.path))), 2)):
                for _ in range(CROPS):
                    crop = _crop(half, seconds, random)
                    self._add(made, change(crop, random) if change else crop, number, recording)
        return made

    def _crops(self, name: str, seconds: float) -> DevSet:
        made, random = DevSet(name), np.random.default_rng(6)
        sources = list_speakers(self._root / "librispeech" / "dev", "dev")
        ids = sorted({str(source.speaker) for source in sources})
        for recording, source in enumerate(sources):
            speech = self._clean(decode(read_file(source.path)))
            for _ in range(CROPS):
                self._add(made, _crop(speech, seconds, random), ids.index(str(source.speaker)), recording)
        return made

    def _digits(self, name: str, gap_s: float) -> DevSet:
        """Strings of five digits of one take, each digit stripped of its margins; `gap_s` of zeros between them."""
        made, random = DevSet(name), np.random.default_rng(7)
        takes: dict[tuple[str, str], list[Path]] = {}
        for path in sorted((self._root / "fsdd").rglob("*.wav")):
            _, speaker, take = path.stem.split("_")
            takes.setdefault((speaker, take), []).append(path)
        ids = sorted({speaker for speaker, _ in takes})
        gap = np.zeros(int(gap_s * SAMPLE_RATE_HZ), dtype=np.float32)
        for recording, ((speaker, _), paths) in enumerate(sorted(takes.items())):
            for chosen in np.array_split(random.permutation(len(paths)), 2):
                words = [part for i in chosen for part in (strip_silence(decode(read_file(paths[i]))), gap)]
                self._add(made, np.concatenate(words), ids.index(speaker), recording)
        return made

    def _noisy(self, wave: FloatArray, random: np.random.Generator) -> FloatArray:
        """10 dB above a recorded noise."""
        noise = self._noises[int(random.integers(len(self._noises)))]
        noise = np.tile(noise, -(-len(wave) * 2 // len(noise)))
        start = int(random.integers(0, len(noise) - len(wave) + 1))
        noise = noise[start : start + len(wave)]
        level = np.linalg.norm(wave) / max(float(np.linalg.norm(noise)), 1e-6) * 10 ** (-10 / 20)
        return (wave + level * noise).astype(np.float32)


def _each(source: Source) -> str:
    return str(source.path)


def _call(source: Source) -> str:
    """sCALL_PHONE_PROMPT: only pairs of different calls are scored."""
    return source.path.name.split("_")[0]


def _emotion(source: Source) -> str:
    """SPEAKER_EMOTION_N: only pairs of different emotions are scored."""
    return source.path.name.split("_")[1]


def _crop(speech: FloatArray, seconds: float, random: np.random.Generator) -> FloatArray:
    samples = int(seconds * SAMPLE_RATE_HZ)
    start = int(random.integers(0, max(1, len(speech) - samples + 1)))
    return speech[start : start + samples]


def _by_telephone(wave: FloatArray, _: np.random.Generator) -> FloatArray:
    return through(wave, AMR)


def _gated(wave: FloatArray, _: np.random.Generator) -> FloatArray:
    """Digital silence in the pauses, as after a noise gate or discontinuous transmission."""
    closed: FloatArray = gate(torch.from_numpy(wave.copy())[None], torch.tensor([[30.0]]))[0].numpy()
    return closed
