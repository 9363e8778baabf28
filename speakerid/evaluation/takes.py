"""Utterances to enroll, cut from recordings: as they are, and as other microphones and rooms would have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.prepare import CleanSpeech, Preparer
from speakerid.audio.windows import speech_windows
from speakerid.encoders.base import Encoder
from speakerid.encoders.embedding import split_equally
from speakerid.scoring.voices import Parts, split
from speakerid.types import FloatArray

LONGEST_SAMPLES = 6 * SAMPLE_RATE_HZ  # a recording of 14 s becomes three utterances
MIN_SPEECH_S = 1.0  # what a gallery asks for by default


@dataclass(frozen=True)
class Take:
    """One utterance as it was recorded, with its pauses."""

    voice: str  # whose it is; the name of the file where nobody knows
    samples: FloatArray


@dataclass(frozen=True)
class Heard:
    """What enrolling would learn from a take."""

    voice: str
    clean: CleanSpeech
    embedding: FloatArray  # (dim,)
    parts: Parts | None


class Ears:
    def __init__(self, encoder: Encoder, preparer: Preparer) -> None:
        self._encoder = encoder
        self._preparer = preparer

    def takes(self, data: Mapping[str, Sequence[Path]]) -> list[Take]:
        """Recordings of `data` (files by speaker) cut into equal pieces of 6 s at most."""
        return [
            Take(voice, piece)
            for voice, files in data.items()
            for file in files
            for piece in split_equally(self._preparer.decode(read_file(file)), LONGEST_SAMPLES)
        ]

    def single(self, files: Sequence[Path]) -> list[Take]:
        """Whole recordings of one voice each, nobody knows whose."""
        return [Take(file.name, self._preparer.decode(read_file(file))) for file in files]

    def hear(self, take: Take) -> Heard | None:
        """None for too little speech."""
        clean = self._preparer.clean(take.samples)
        if clean.speech.seconds < MIN_SPEECH_S:
            return None
        parts = self.parts(clean.samples, clean.speech.seconds)
        return Heard(take.voice, clean, self._encoder.embed([clean.samples])[0], parts)

    def parts(self, speech: FloatArray, speech_s: float) -> Parts | None:
        windows = speech_windows(speech)
        return split(self._encoder.embed(windows), speech_s) if len(windows) > 1 else None
