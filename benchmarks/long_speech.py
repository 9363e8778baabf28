"""What an embedding of an excerpt of long speech is worth, beside one of all of it.

    python -m benchmarks.long_speech --speech ../shared/speech

Of each speaker the first quarter of the files enrolls, of telephone calls the first call; up to 60 s of speech in the
others are one probe. Every speaker's probe is compared with every speaker.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerid.audio.decode import Preparer, excerpt
from speakerid.audio.files import read_file, speaker_tree
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import Encoder
from speakerid.metrics.eer import eer, error_curve
from speakerid.types import FloatArray

DOMAINS = ("field/calls", "field/emotion_pl", "field/sorbian", "field/commands_ar", "librispeech/dev")
ENROLLED, SHORTEST, LONGEST = 8 * SAMPLE_RATE_HZ, 30 * SAMPLE_RATE_HZ, 60 * SAMPLE_RATE_HZ  # samples


@dataclass(frozen=True)
class EmbeddedSpeech:
    """Rows of `(speakers, dim)`, and the mean CPU time of one in ms."""

    rows: FloatArray
    cpu_ms: float


def speech_of(preparer: Preparer, files: list[Path], longest: int) -> FloatArray:
    found, total = [np.zeros(0, np.float32)], 0
    for file in files:
        if total >= longest:
            break
        found.append(preparer.prepare(read_file(file)).samples)
        total += len(found[-1])
    return np.concatenate(found)[:longest]


def halves(domain: str, files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Who enrolls and who asks; another call is another day."""
    count = max(1, len(files) // 4)
    if domain.endswith("calls"):
        call = files[0].name.split("_")[0]
        count = sum(file.name.split("_")[0] == call for file in files)
    return files[:count], files[count:]


def embedded(encoder: Encoder, speech: list[FloatArray]) -> EmbeddedSpeech:
    began = time.process_time()
    rows = np.concatenate([encoder.embed([one]) for one in speech])
    return EmbeddedSpeech(rows, 1000 * (time.process_time() - began) / len(speech))


def compare(encoder: Encoder, preparer: Preparer, root: Path, domain: str) -> str:
    pairs = [halves(domain, files) for files in speaker_tree(root / domain).values()]
    made = [(speech_of(preparer, a, ENROLLED), speech_of(preparer, b, LONGEST)) for a, b in pairs]
    kept = [(a, b) for a, b in made if len(a) >= SAMPLE_RATE_HZ and len(b) >= SHORTEST]
    prints = embedded(encoder, [a for a, _ in kept]).rows
    whole, part = (embedded(encoder, [cut(b) for _, b in kept]) for cut in (np.asarray, excerpt))
    cosines = (whole.rows * part.rows).sum(axis=1)
    same = np.eye(len(kept), dtype=bool)
    scores = [probes.rows @ prints.T for probes in (whole, part)]
    errors = [100.0 * eer(error_curve(one.ravel(), same.ravel())) for one in scores]
    return (
        f"{domain:18} {len(kept):3} speakers, EER {errors[0]:5.2f} % whole, {errors[1]:5.2f} % excerpt; cosine "
        f"{cosines.mean():.3f}, at least {cosines.min():.3f}; CPU {whole.cpu_ms:.0f} ms, {part.cpu_ms:.0f} ms\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--encoder", default="default")
    options = parser.parse_args()
    encoder, preparer = load_encoder(options.encoder), Preparer(SileroVad())
    for domain in DOMAINS:
        sys.stdout.write(compare(encoder, preparer, options.speech, domain))
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
