"""What an offset, rumble below speech, or another level of a recording changes: its embedding, and its SNR.

    python -m benchmarks.conditioning --speech ../shared/speech

Each recording is compared with itself after every change. The domain with the most recordings beyond a limit is first.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerid.audio.decode import Preparer, decode
from speakerid.audio.files import read_file, recordings
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import Encoder, label
from speakerid.types import FloatArray

DOMAINS = (
    "field/ocean", "field/sorbian", "field/homes", "field/calls", "field/commands_ar", "field/emotion_pl",
    "librispeech/dev", "fsdd",
)  # fmt: skip
FILES = 18  # of a domain, evenly spread
MOST_DISTANCE, MOST_DB = 0.02, 1.0  # the limits: cosine distance of embeddings, change of the SNR
LOST = 2.0  # the distance where a change leaves too little speech to embed
STRENGTH = np.float32(0.1)  # of full scale
GAINS = (0.3, 0.1, 0.01)
ALMOST_CLIPPED = 0.99  # of full scale

Change = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Shift:
    """What a change did to one recording."""

    change: str
    distance: float  # 0 to 2, cosine
    snr_db: float

    @property
    def beyond(self) -> bool:
        return self.distance >= MOST_DISTANCE or self.snr_db >= MOST_DB


@dataclass(frozen=True)
class DomainShifts:
    name: str
    files: tuple[tuple[Shift, ...], ...]  # the shifts of each recording

    def beyond(self, changes: Sequence[str]) -> int:
        """How many recordings one of `changes` moves beyond a limit."""
        return sum(any(one.beyond for one in shifts if one.change in changes) for shifts in self.files)

    def worst(self, changes: Sequence[str]) -> tuple[float, float]:
        """The largest distance and the largest change of the SNR in dB."""
        found = [one for shifts in self.files for one in shifts if one.change in changes]
        return max(one.distance for one in found), max(one.snr_db for one in found)


def rumble(hz: float, phase: float) -> Change:
    def add(samples: FloatArray) -> FloatArray:
        angle = 2 * np.pi * hz * np.arange(len(samples)) / SAMPLE_RATE_HZ + phase
        return (samples + STRENGTH * np.sin(angle)).astype(np.float32)

    return add


def gain(factor: float) -> Change:
    return lambda samples: samples * np.float32(factor)


def almost_clipped(samples: FloatArray) -> FloatArray:
    return samples * np.float32(ALMOST_CLIPPED / np.abs(samples).max())


RUMBLES = {f"{hz:g} Hz, {phase:g} rad": rumble(hz, phase) for hz in (2.0, 5.0, 8.0) for phase in (0.0, 2.0)}
LEVELS = {f"times {factor:g}": gain(factor) for factor in GAINS} | {"almost clipped": almost_clipped}
CHANGES: dict[str, Change] = {"offset": lambda samples: samples + STRENGTH, **RUMBLES, **LEVELS}
COLUMNS = {"offset": ("offset",), "rumble": tuple(RUMBLES), "level": tuple(LEVELS)}


def shifts(encoder: Encoder, preparer: Preparer, samples: FloatArray) -> Iterator[Shift]:
    """Of every change; none where there is too little speech to embed."""
    before = preparer.clean(samples)
    if len(before.samples) < encoder.min_samples:
        return
    (own,) = encoder.embed([before.samples])
    for name, change in CHANGES.items():
        after = preparer.clean(change(samples))
        enough = len(after.samples) >= encoder.min_samples
        distance = 1.0 - float(own @ encoder.embed([after.samples])[0]) if enough else LOST
        yield Shift(name, distance, abs((after.speech.snr_db or 0.0) - (before.speech.snr_db or 0.0)))


def measure(encoder: Encoder, preparer: Preparer, root: Path, name: str) -> DomainShifts:
    files = recordings(root / name)
    chosen = files[:: max(1, len(files) // FILES)][:FILES]
    found = [tuple(shifts(encoder, preparer, decode(read_file(file)))) for file in chosen]
    return DomainShifts(name, tuple(one for one in found if one))


def report(domains: Sequence[DomainShifts]) -> Iterator[str]:
    """Markdown, the worst domain first."""
    everything = tuple(CHANGES)
    yield f"| domain | recordings | beyond a limit | {' | '.join(COLUMNS)} |"
    yield "|---" * (3 + len(COLUMNS)) + "|"
    for one in sorted(domains, key=lambda one: (-one.beyond(everything), *(-value for value in one.worst(everything)))):
        cells = (f"{distance:.4f}, {db:.2f} dB" for distance, db in map(one.worst, COLUMNS.values()))
        yield f"| {one.name} | {len(one.files)} | {one.beyond(everything)} | {' | '.join(cells)} |"
    total = sum(len(one.files) for one in domains)
    counts = (f"{name} {sum(one.beyond(changes) for one in domains)}" for name, changes in COLUMNS.items())
    yield f"\nOf {total} recordings beyond {MOST_DISTANCE} in cosine or {MOST_DB} dB: {', '.join(counts)}."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--encoder", default="default")
    options = parser.parse_args()
    encoder, preparer = load_encoder(options.encoder), Preparer(SileroVad())
    domains = [measure(encoder, preparer, options.speech, name) for name in DOMAINS]
    sys.stdout.write(f"{label(encoder)}: the largest cosine distance and change of SNR\n\n")
    sys.stdout.writelines(f"{line}\n" for line in report(domains))
    return 0


if __name__ == "__main__":
    sys.exit(main())
