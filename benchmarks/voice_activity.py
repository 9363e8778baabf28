"""The voice activity graph that ships beside the published one: what they say of the same speech, and their CPU time.

    OMP_NUM_THREADS=1 python -m benchmarks.voice_activity --speech ../shared/speech

Each frame's probability and each recording's segments are compared; times are of 3 s, in turns.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.conditioning import DOMAINS
from recipes.voice_activity.__main__ import PUBLISHED
from speakerid.audio.conditioning import high_pass
from speakerid.audio.decode import decode
from speakerid.audio.files import read_file, recordings
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.types import FloatArray

FILES = 60  # of a domain, evenly spread
OTHERS = ("coffee", "noise", "ami")
LONGEST_S = 60
SECONDS = 3
ROUNDS = 200


@dataclass(frozen=True)
class Agreement:
    """Of one recording."""

    frames: int
    furthest: float  # two probabilities of one frame
    same_segments: bool


@dataclass(frozen=True)
class DomainAgreement:
    name: str
    recordings: tuple[Agreement, ...]

    @property
    def furthest(self) -> float:
        return max((one.furthest for one in self.recordings), default=0.0)

    @property
    def same_segments(self) -> int:
        return sum(one.same_segments for one in self.recordings)


def agreement(shipped: SileroVad, published: SileroVad, samples: FloatArray) -> Agreement:
    """Of `samples` (n,) at 16 kHz."""
    ours, theirs = shipped.probabilities(samples), published.probabilities(samples)
    same = shipped.speech_segments(samples) == published.speech_segments(samples)
    return Agreement(len(ours), float(np.abs(ours - theirs).max(initial=0.0)), same)


def measure(shipped: SileroVad, published: SileroVad, root: Path, name: str) -> DomainAgreement:
    files = recordings(root / name)
    chosen = files[:: max(1, len(files) // FILES)][:FILES]
    waveforms = (high_pass(decode(read_file(file))[: LONGEST_S * SAMPLE_RATE_HZ]) for file in chosen)
    return DomainAgreement(name, tuple(agreement(shipped, published, samples) for samples in waveforms))


def milliseconds(vads: Sequence[SileroVad], samples: FloatArray) -> list[float]:
    """Of CPU for `samples`, the median of each."""
    spent: list[list[float]] = [[] for _ in vads]
    for _ in range(ROUNDS):
        for vad, found in zip(vads, spent, strict=True):
            began = time.thread_time_ns()
            vad.probabilities(samples)
            found.append((time.thread_time_ns() - began) / 1e6)
    return [median(found) for found in spent]


def report(domains: Sequence[DomainAgreement], shipped_ms: float, published_ms: float) -> Iterator[str]:
    """Markdown, the domain with the furthest probabilities first."""
    yield "| domain | recordings | the same segments | frames | furthest probabilities |"
    yield "|---|---|---|---|---|"
    for one in sorted(domains, key=lambda one: -one.furthest):
        frames = sum(each.frames for each in one.recordings)
        yield f"| {one.name} | {len(one.recordings)} | {one.same_segments} | {frames} | {one.furthest:.1e} |"
    yield (
        f"\n{SECONDS} s take {shipped_ms:.2f} ms of CPU with the graph that ships and {published_ms:.2f} with the "
        f"published one, {published_ms / shipped_ms:.1f} times as many."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True, metavar="DIR")
    root = parser.parse_args().speech
    vads = SileroVad(), SileroVad(model=PUBLISHED)
    domains = [measure(*vads, root, name) for name in (*DOMAINS, *OTHERS)]
    first = decode(read_file(recordings(root / "librispeech")[0]))[: SECONDS * SAMPLE_RATE_HZ]
    sys.stdout.writelines(f"{line}\n" for line in report(domains, *milliseconds(vads, first)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
