"""What noise and clipping do to voiceprints, by embedding, in every domain that limits are fitted on.

    python -m benchmarks.decisions.damaged_speech --speech ../shared/speech

One utterance of each speaker is damaged, as if it were enrolled, and compared with the voiceprint of their other ones
and with everyone else's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.speech_domains import speech_domains
from recipes.simulation.conditions import mixed, overdriven
from speakerid.audio.decode import Preparer
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_encoder
from speakerid.calibration.domains import MIN_SPEECH_S, Domain
from speakerid.encoders.base import Encoder
from speakerid.scoring.cosine import cosine, voiceprint
from speakerid.types import FloatArray

SPEAKERS = 40
OTHERS = 4  # undamaged utterances of each speaker
SEED = 6
Damage = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Harm:
    too_short: float  # share that is left with less than a second of speech
    own: float  # median cosine to the speaker's voiceprint
    misled: float  # share that is nearer to another speaker's


def damages() -> dict[str, Damage]:
    random = np.random.default_rng(SEED)

    def noise(snr_db: float) -> Damage:
        return lambda samples: mixed(samples, random.standard_normal(len(samples)), snr_db)

    def clip(share: float) -> Damage:
        return lambda samples: overdriven(samples, share)

    noises = {f"noise at {level} dB": noise(level) for level in (10, 5, 0, -5)}
    clips = {f"{share:.0%} clipped": clip(share) for share in (0.1, 0.3, 0.5)}
    return {"none": lambda samples: samples} | noises | clips


def harms(domain: Domain, encoder: Encoder) -> Iterator[tuple[str, Harm]]:
    preparer = Preparer(SileroVad())
    spoken = [list(islice(_utterances(domain, one, preparer), 1 + OTHERS)) for one in domain.speakers[:SPEAKERS]]
    people = [own for own in spoken if len(own) > 1]
    prints = np.stack([voiceprint(encoder.embed([_clean(preparer, one) for one in others])) for _, *others in people])
    for name, damage in damages().items():
        speech = [_clean(preparer, damage(first)) for first, *_ in people]
        long = np.array([len(one) >= MIN_SPEECH_S * SAMPLE_RATE_HZ for one in speech])
        scores = cosine(np.stack([encoder.embed([speech[at]])[0] for at in np.flatnonzero(long)]), prints)
        own = scores[np.arange(len(scores)), np.flatnonzero(long)]
        yield name, Harm(1.0 - float(long.mean()), float(np.median(own)), float((scores.max(axis=1) > own).mean()))


def _utterances(domain: Domain, speaker: str, preparer: Preparer) -> Iterator[FloatArray]:
    """With enough speech."""
    for take in domain.takes_of(speaker):
        for one in domain.utterances(take, preparer.decode):
            if len(_clean(preparer, one.samples)) >= MIN_SPEECH_S * SAMPLE_RATE_HZ:
                yield one.samples


def _clean(preparer: Preparer, samples: FloatArray) -> FloatArray:
    return preparer.clean(samples).samples


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure what noise and clipping do to voiceprints.")
    parser.add_argument("--speech", type=Path, required=True, help="a folder with field and librispeech")
    parser.add_argument("--encoder", default="default")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    sys.stdout.write("| domain | damage | too short | cosine to the own voiceprint | nearer to another speaker |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for domain in speech_domains(options.speech):
        for name, harm in harms(domain, encoder) if not domain.test_only else ():
            cells = f"{harm.too_short:.0%} | {harm.own:.2f} | {harm.misled:.1%}"
            sys.stdout.write(f"| {domain.name} | {name} | {cells} |\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
