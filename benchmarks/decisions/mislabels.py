"""How many injected faults an audit finds, and how many of its findings are faults.

    python -m benchmarks.decisions.mislabels --speech ../shared/speech

The sound gallery: the 5 speakers of `dev` with ten utterances each, and the last 51 of `train`, who were not in the
bundled encoder's training data, with their one utterance of about 14 s in equal pieces of about 4 s. The pieces of one
utterance are one recording: their speakers hold together better than those of galleries made over months.
With `--mixed` half of the utterances have noise at 10 dB, and a quarter come through a telephone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.decisions import injected_labels
from benchmarks.decisions.injected_labels import Draw, Tally
from recipes.simulation.conditions import noisy, telephone, unchanged
from speakerid.audio.decode import Preparer
from speakerid.audio.files import read_file, speaker_tree
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.audit.health import Health, examine
from speakerid.audit.leave_one_out import Compare, Labeled, Mask
from speakerid.bootstrap import load_encoder, load_fitted
from speakerid.encoders.base import label, split_equally
from speakerid.types import FloatArray

HELD_OUT = 51
PIECE_S = 4.0
MIXED = (unchanged, noisy, telephone, noisy)
MIN_SPEECH_S = 1.0
DRAWS = {0.02: 80, 0.05: 40}  # how often faults are injected anew, by share of the utterances
TWINS = 3  # speakers with two names in a draw
TWIN_DRAWS = 40
SEED = 0

Injector = Callable[[Labeled, Any, np.random.Generator], Draw]


@dataclass(frozen=True)
class LabeledMaterial:
    sound: Labeled
    dev: Mask  # (speakers,) whose utterances are separate recordings
    compare: Compare
    encoder: str

    def audit(self, draw: Draw) -> Health:
        gallery = draw.gallery(self.sound)
        return examine(gallery, np.zeros(len(gallery), np.bool_), self.compare)


def librispeech(root: Path, encoder_spec: str, *, mixed: bool = False) -> LabeledMaterial:
    """Every utterance embedded once. Raises FileMissing."""
    encoder = load_encoder(encoder_spec)
    preparer = Preparer(SileroVad())
    cleaned = [
        (name, preparer.clean(MIXED[number % len(MIXED)](samples, number) if mixed else samples))
        for number, (name, samples) in enumerate(_recordings(root, preparer))
    ]
    kept = [(name, clean) for name, clean in cleaned if clean.speech.seconds >= MIN_SPEECH_S]
    embeddings = np.concatenate([encoder.embed([clean.samples]) for _, clean in kept])
    names, speakers = np.unique([name for name, _ in kept], return_inverse=True)
    return LabeledMaterial(
        sound=Labeled(embeddings, speakers, np.array([clean.speech.seconds for _, clean in kept])),
        dev=np.isin(names, list(speaker_tree(root / "dev"))),
        compare=load_fitted(encoder).calibration.compare,
        encoder=label(encoder),
    )


def _recordings(root: Path, preparer: Preparer) -> Iterator[tuple[str, FloatArray]]:
    for name, files in speaker_tree(root / "dev").items():
        yield from ((name, preparer.decode(read_file(file))) for file in files)
    for name, files in list(speaker_tree(root / "train").items())[-HELD_OUT:]:
        for file in files:
            samples = preparer.decode(read_file(file))
            pieces = max(1, round(len(samples) / SAMPLE_RATE_HZ / PIECE_S))
            yield from ((name, piece) for piece in split_equally(samples, -(-len(samples) // pieces)))


def measure(material: LabeledMaterial) -> dict[str, Any]:
    sound, rng = material.sound, np.random.default_rng(SEED)

    def audited(inject: Injector, how_much: float, draws: int) -> list[tuple[Draw, Health]]:
        return [(draw, material.audit(draw)) for draw in (inject(sound, how_much, rng) for _ in range(draws))]

    untouched = material.audit(injected_labels.mislabels(sound, 0.0, rng))
    report: dict[str, Any] = {
        "encoder": material.encoder,
        "speakers": len(sound.sizes),
        "utterances": len(sound),
        "findings_in_the_sound_gallery": int((untouched.moves | untouched.strays | untouched.mismatched).sum())
        + len(untouched.duplicates.first),
    }
    for name, inject in (("mislabels", injected_labels.mislabels), ("strangers", injected_labels.strangers)):
        rates = {rate: audited(inject, rate, draws) for rate, draws in DRAWS.items()}
        every = [one for draws in rates.values() for one in draws]
        report[name] = _figures(injected_labels.tally_labels(sound, every))
        report[name]["by_rate"] = {
            str(rate): _figures(injected_labels.tally_labels(sound, rates[rate])) for rate in rates
        }
        report[name]["of_dev_speakers"] = _figures(injected_labels.tally_labels(sound, every).of(material.dev))
        if inject is injected_labels.mislabels:
            report[name]["moved_to_the_right_speaker"] = round(injected_labels.moved_right(sound, every), 3)
    report["one_person_under_two_names"] = _figures(
        injected_labels.tally_twins(sound, audited(injected_labels.twins, TWINS, TWIN_DRAWS))
    )
    return report


def _figures(tally: Tally) -> dict[str, Any]:
    shares = {"recall": injected_labels.recall(tally), "precision": injected_labels.precision(tally)}
    return {"injected": int(tally.injected.sum()), "found": int(tally.found.sum())} | {
        name: {key: round(value, 3) for key, value in asdict(share).items()} if share else None
        for name, share in shares.items()
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure how many injected faults an audit finds.")
    parser.add_argument("--speech", type=Path, required=True, help="a folder with librispeech")
    parser.add_argument("--encoder", default="default")
    parser.add_argument("--mixed", action="store_true", help="utterances in several conditions")
    options = parser.parse_args(arguments)
    material = librispeech(options.speech / "librispeech", options.encoder, mixed=options.mixed)
    report = measure(material)
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
