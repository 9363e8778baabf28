"""Several utterances of every speaker, from speech that has few recordings of each: a lone recording is cut up.

Pieces of one recording share its microphone and day, so they resemble each other more than real utterances do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recipes.simulation.conditions import Condition
from speakerid.audio.decode import CleanSpeech, Preparer
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.encoders.base import Encoder
from speakerid.types import FloatArray

MIN_PROBE_S = 1.0  # what is left of the speech in noise may be less
MOST = 4  # pieces of one speaker
LEAST_S = 2.0
LONGEST_S = 4.0
SHORT_S, PROBE_S, REST_S = 2.0, 3.0, 60.0  # of speech as recorded, pauses included


@dataclass(frozen=True)
class PieceOfSpeech:
    """n utterances: `embeddings (n, dim)` and `seconds (n,)` of speech."""

    embeddings: FloatArray
    seconds: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.embeddings)

    def __getitem__(self, rows: NDArray[np.integer]) -> PieceOfSpeech:
        return PieceOfSpeech(self.embeddings[rows], self.seconds[rows])

    @classmethod
    def of(cls, encoder: Encoder, clean: Sequence[CleanSpeech]) -> PieceOfSpeech:
        return cls(encoder.embed([one.samples for one in clean]), np.array([one.speech.seconds for one in clean]))

    @classmethod
    def joined(cls, parts: Sequence[PieceOfSpeech]) -> PieceOfSpeech:
        return cls(*(np.concatenate(one) for one in zip(*((p.embeddings, p.seconds) for p in parts), strict=True)))


@dataclass(frozen=True)
class Pieces:
    """`spoken` of u utterances and the number of the speaker of each `(u,)`, in the order of `names`."""

    names: tuple[str, ...]
    speaker: NDArray[np.intp]
    spoken: PieceOfSpeech


class SpeechPieces:
    """Read once, embedded in as many conditions as wanted."""

    def __init__(self, encoder: Encoder, data: Mapping[str, list[Path]]) -> None:
        self._encoder = encoder
        self._preparer = Preparer(SileroVad())
        self._files = data
        self._samples = {name: list(self._cut(files)) for name, files in data.items()}

    def pieces(self, condition: Condition) -> Pieces:
        rows = [
            (number, self._preparer.clean(condition.change(samples, number)))
            for number, parts in enumerate(self._samples.values())
            for samples in parts
        ]
        kept = [(number, clean) for number, clean in rows if clean.speech.seconds >= MIN_PROBE_S]
        spoken = PieceOfSpeech.of(self._encoder, [clean for _, clean in kept])
        return Pieces(tuple(self._samples), np.array([number for number, _ in kept], np.intp), spoken)

    def uneven(self, short: Condition, turn: int, *, turns: int) -> tuple[list[PieceOfSpeech], PieceOfSpeech]:
        """Of each speaker two utterances, 2 s through `short` and up to a minute, and one probe between them."""
        enrolled, probes = list[PieceOfSpeech](), list[PieceOfSpeech]()
        for number, files in enumerate(self._files.values()):
            whole = np.concatenate([self._preparer.decode(read_file(file)) for file in files])
            whole = np.roll(whole, -turn * len(whole) // turns)
            ends = np.cumsum([int(seconds * SAMPLE_RATE_HZ) for seconds in (SHORT_S, PROBE_S, REST_S)])
            first, probe, rest, _ = np.split(whole, ends)
            parts = [self._embedded(part) for part in (short.change(first, number), rest, probe)]
            if all(len(one) for one in parts):
                enrolled.append(PieceOfSpeech.joined(parts[:2]))
                probes.append(parts[2])
        return enrolled, PieceOfSpeech.joined(probes)

    def _embedded(self, samples: FloatArray) -> PieceOfSpeech:
        """One row, or none where there is too little speech."""
        clean = self._preparer.clean(samples)
        return PieceOfSpeech.of(self._encoder, [clean] if clean.speech.seconds >= MIN_PROBE_S else [])

    def _cut(self, files: list[Path]) -> Iterator[FloatArray]:
        if len(files) > 1:
            for file in files[:MOST]:
                yield self._preparer.decode(read_file(file))[: int(LONGEST_S * SAMPLE_RATE_HZ)]
            return
        samples = self._preparer.decode(read_file(files[0]))
        seconds = self._preparer.clean(samples).speech.seconds
        yield from np.array_split(samples, max(1, min(MOST, int(seconds // LEAST_S))))
