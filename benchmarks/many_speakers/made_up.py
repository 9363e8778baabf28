"""Made-up speakers who are as easily confused as real ones, in any number, and a store that has them enrolled.

A made-up speaker is a real voiceprint, moved by a random combination of what real ones differ in: among real and
made-up speakers alike, one pair in a thousand has a cosine of about 0.65. A probe is the speaker, moved by what an
utterance of a real speaker differs from their mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.enrolled_rows import speaker_row, utterance_row
from benchmarks.speech_domains import speech_domains
from speakerid import samples
from speakerid.audio.decode import Preparer
from speakerid.audio.files import read_file
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_encoder
from speakerid.calibration.domains import DomainTake
from speakerid.db.repositories import galleries, moving
from speakerid.services.engine import Engine
from speakerid.types import FloatArray

MOVED = 0.8  # of the spread of real voiceprints
HARDER = 2.0  # times the spread of real utterances: with 1, every search of a million is right whatever is tried
REAL_SPEAKERS = 30  # of a domain
TAKES = 3  # of a speaker
LONGEST_S = 6
AT_ONCE = 10_000  # speakers, drawn and written


@dataclass(frozen=True)
class RealVoices:
    voiceprints: FloatArray  # (speakers, dim)
    differences: FloatArray  # (utterances, dim), each from its speaker's mean

    def speakers(self, start: int, count: int) -> FloatArray:
        """Voiceprints `(count, dim)`; the same ones for the same `start`."""
        random, real = np.random.default_rng([0, start]), self.voiceprints
        moves = random.standard_normal((count, len(real)), np.float32) @ (real - real.mean(axis=0))
        return _unit(real[random.integers(len(real), size=count)] + MOVED / np.sqrt(len(real)) * moves)

    def all_speakers(self, count: int) -> Iterator[FloatArray]:
        for start in range(0, count, AT_ONCE):
            yield self.speakers(start, min(AT_ONCE, count - start))

    def probes(self, voiceprints: FloatArray, harder: float) -> FloatArray:
        random = np.random.default_rng(1)
        moves = self.differences[random.integers(len(self.differences), size=len(voiceprints))]
        return _unit(voiceprints + np.float32(harder) * moves)


def real_voices(speech: Path | None) -> RealVoices:
    """Of the speech in that folder, embedded by the default encoder; without one, of the voices in the package."""
    encoder, preparer = load_encoder(), Preparer(SileroVad())

    def embedded(files: Sequence[Path]) -> FloatArray:
        cleaned = [preparer.clean(preparer.decode(read_file(file))).samples for file in files]
        embedding: FloatArray = encoder.embed([np.concatenate(cleaned)[: LONGEST_S * encoder.sample_rate_hz]])[0]
        return embedding

    found = [np.stack([embedded(files) for files in takes]) for takes in _takes(speech)]
    voiceprints = [_unit(one.mean(axis=0, keepdims=True)) for one in found]
    several = [(own - mean) * np.sqrt(len(own) / (len(own) - 1)) for own, mean in zip(found, voiceprints, strict=True)]
    return RealVoices(np.concatenate(voiceprints), np.concatenate(several).astype(np.float32))


def _takes(speech: Path | None) -> Iterator[Sequence[tuple[Path, ...]]]:
    """Of each speaker who has several."""
    if speech is None:
        yield from ([(file,) for file in (*one.enroll, *one.probes)] for one in samples.voices().values())
        return
    for domain in speech_domains(speech):
        by_speaker: dict[str, list[DomainTake]] = {}
        for take in domain.takes:
            by_speaker.setdefault(take.speaker, []).append(take)
        several = [takes for _, takes in sorted(by_speaker.items()) if len(takes) > 1]
        yield from ([take.files for take in takes[:TAKES]] for takes in several[:REAL_SPEAKERS])


def fill(engine: Engine, voices: RealVoices, count: int) -> None:
    """Enroll `count` made-up speakers in the default gallery, with one utterance each."""
    for nth, some in enumerate(voices.all_speakers(count)):
        with engine.write() as db:
            gallery = galleries.get(db, "default")
            keys = moving.add_speakers(
                db, [speaker_row(gallery, nth * AT_ONCE + at, one) for at, one in enumerate(some)]
            )
            moving.add_utterances(db, [utterance_row(gallery, key, one) for key, one in zip(keys, some, strict=True)])


def _unit(vectors: FloatArray) -> FloatArray:
    scaled: FloatArray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled
