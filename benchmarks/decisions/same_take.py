"""Whether one take is known again through encodings, and two takes of one speaker are never taken for one.

    python -m benchmarks.decisions.same_take --speech ../shared/speech

Some takes of each speaker come again as files of other formats, by telephone, and later by 0.3 s; and all takes of each
speaker are compared with each other. A pair that the set itself holds twice, by its samples, is no false alarm.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import soxr

from benchmarks.speech_domains import speech_domains
from recipes.simulation.conditions import telephone
from speakerid.audio.decode import decode
from speakerid.audio.files import speaker_tree
from speakerid.audio.fingerprint import LONGEST, distance, fingerprint, is_same_take
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

FOLDERS = ("calls", "homes", "ocean", "sorbian", "commands_ar", "emotion_pl")
TAKES = 40  # of a speaker, at most
AGAIN = 2  # of these come again in every way
LATER_S = 0.3
ALIKE = 0.5  # normalized cross-correlation of samples: one recording that lies in the set twice, perhaps cut otherwise
Change = Callable[[FloatArray], FloatArray]


def coded(container: str, codec: str, rate_hz: int, bits_per_s: int) -> Change:
    return lambda samples: decode(_file(samples, container, codec, rate_hz, bits_per_s))


def by_telephone(samples: FloatArray) -> FloatArray:
    """300 to 3,400 Hz, 8 kHz, mu-law."""
    file = io.BytesIO()
    narrow = soxr.resample(telephone(samples, 0), SAMPLE_RATE_HZ, 8_000)
    soundfile.write(file, narrow, 8_000, format="WAV", subtype="ULAW")
    return decode(file.getvalue())


def later(samples: FloatArray) -> FloatArray:
    return np.concatenate([np.zeros(round(LATER_S * SAMPLE_RATE_HZ) + 77, np.float32), samples])


CHANGES: dict[str, Change] = {
    "mp3 64k": coded("mp3", "libmp3lame", 44_100, 64_000),
    "mp3 24k": coded("mp3", "libmp3lame", 16_000, 24_000),
    "m4a 64k": coded("mp4", "aac", 44_100, 64_000),
    "opus 24k": coded("ogg", "libopus", 48_000, 24_000),
    "telephone": by_telephone,
    "0.3 s later": later,
    "later, by telephone": lambda samples: by_telephone(later(samples)),
    "a quarter as loud": lambda samples: samples * np.float32(0.25),
    "without its first 0.3 s": lambda samples: samples[round(LATER_S * SAMPLE_RATE_HZ) :],
}


@dataclass
class Found:
    """Counts of one domain. `nearest` is the smallest distance of two takes."""

    compared: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    farthest: dict[str, float] = field(default_factory=dict)
    pairs: int = 0
    twice: int = 0  # in the set itself
    alarms: int = 0
    nearest: float = 1.0

    def again(self, samples: FloatArray) -> None:
        """One take, in all ways."""
        first = fingerprint(samples)
        for name, change in CHANGES.items():
            at = distance(fingerprint(change(samples)), first)
            if at < 1.0:  # more than a second of speech
                self.compared[name] += 1
                self.known[name] += is_same_take(fingerprint(change(samples)), first)
                self.farthest[name] = max(at, self.farthest.get(name, 0.0))

    def others(self, takes: list[FloatArray]) -> None:
        """Different takes of one speaker, each as the later one of each pair."""
        prints = [fingerprint(one) for one in takes]
        for one, two in permutations(range(len(takes)), 2):
            self.pairs += 1
            at = distance(prints[one], prints[two])
            if is_same_take(prints[one], prints[two]) and alike(takes[one], takes[two]) > ALIKE:
                self.twice += 1
                continue
            self.alarms += is_same_take(prints[one], prints[two])
            self.nearest = min(self.nearest, at)


def alike(one: FloatArray, two: FloatArray) -> float:
    """The highest correlation of two waveforms at any offset, 1 for the same."""
    size = 1 << (len(one) + len(two)).bit_length()
    both = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(two, size)), size)
    return float(np.abs(both).max() / max(float(np.linalg.norm(one) * np.linalg.norm(two)), 1e-9))


def domains(root: Path) -> Iterator[tuple[str, Iterable[list[FloatArray]]]]:
    """Takes speaker by speaker. Of digits, four or five in a row: the same words in each of a speaker's takes."""
    for name in FOLDERS:
        yield name, (_decoded([[file] for file in files]) for files in speaker_tree(root / "field" / name).values())
    yield (
        "librispeech-dev",
        (_decoded([[file] for file in one]) for one in speaker_tree(root / "librispeech/dev").values()),
    )
    digits = next(one for one in speech_domains(root) if one.name == "fsdd")
    yield "fsdd", (_decoded([list(take.files) for take in digits.takes_of(one)]) for one in digits.speakers)


def measured(takes_of_speakers: Iterable[list[FloatArray]]) -> Found:
    found = Found()
    for takes in takes_of_speakers:
        for one in takes[:AGAIN]:
            found.again(one)
        found.others(takes)
    return found


def _decoded(takes: list[list[Path]]) -> list[FloatArray]:
    """The first 20 s of each, which is what a fingerprint is made of."""
    return [np.concatenate([decode(one.read_bytes()) for one in files])[:LONGEST] for files in takes[:TAKES]]


def _file(samples: FloatArray, container: str, codec: str, rate_hz: int, bits_per_s: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(codec, rate=rate_hz, layout="mono")
        stream.bit_rate = bits_per_s
        stream.codec_context.open(strict=False)
        planes = soxr.resample(samples, SAMPLE_RATE_HZ, rate_hz)[None].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(stream.codec_context.format.name, "mono", rate_hz, frame_size=size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


def _rows(name: str, found: Found) -> Iterator[str]:
    again = "; ".join(
        f"{way} {found.known[way]}/{found.compared[way]} ({found.farthest[way]:.2f})" for way in found.compared
    )
    yield f"| {name} | {again} | {found.pairs} | {found.alarms} | {found.nearest:.2f} | {found.twice} |"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure what is taken for the same take.")
    parser.add_argument("--speech", type=Path, required=True, help="a folder with field, librispeech and fsdd")
    options = parser.parse_args(arguments)
    sys.stdout.write(
        "| domain | known again (farthest) | pairs of takes | false alarms | nearest | in the set twice |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for name, takes in domains(options.speech):
        for row in _rows(name, measured(takes)):
            sys.stdout.write(row + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
