"""Fit the default calibration of an encoder on speech of speakers that it was neither trained nor is tested on.

    python -m speakerid.evaluation.calibrate --data ../shared/speech/librispeech/train --last 51 \
        --out speakerid/encoders/bundled/model.calibration.json

Every speaker's speech is halved. Each half is a voiceprint once; the other half is the probe: whole, as its first
three seconds, and as the same three seconds through a worse microphone, because both halves come from one recording
and a real probe seldom does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.encoders.base import Encoder, label
from speakerid.encoders.registry import calibration_file, load_encoder
from speakerid.evaluation.trees import speaker_tree
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cosine import cosine
from speakerid.scoring.fit import fit
from speakerid.types import FloatArray

SHORT_SAMPLES = 3 * SAMPLE_RATE_HZ
MIN_HALF_SAMPLES = 2 * SAMPLE_RATE_HZ
WORSE_SNR_DB = 15.0
TILT = 0.5  # one-pole filter: takes about 10 dB off the highest frequencies


@dataclass(frozen=True)
class Sides:
    """Embeddings `(n, dim)` of n half recordings, and whose they are."""

    speakers: tuple[str, ...]
    embeddings: FloatArray


def fit_default(encoder: Encoder, data: dict[str, list[Path]], *, fitted_on: str) -> Calibration:
    """Raises CalibrationMissing when there is too little speech or the encoder does not tell the speakers apart."""
    halves = [(name, pair) for name, files in data.items() for pair in _halves(files)]
    names = tuple(name for name, _ in halves)
    targets, nontargets = [], []
    for enrolled, probed in ((0, 1), (1, 0)):
        prints = Sides(names, encoder.embed([pair[enrolled] for _, pair in halves]))
        for probes in _conditions([pair[probed] for _, pair in halves]):
            same, different = trials(prints, Sides(names, encoder.embed(probes)))
            targets.append(same)
            nontargets.append(different)
    return fit(
        np.concatenate(targets), np.concatenate(nontargets), fitted_on=fitted_on, fingerprint=encoder.fingerprint
    )


def trials(prints: Sides, probes: Sides) -> tuple[FloatArray, FloatArray]:
    """Scores of the same and of different speakers; of the same, only the two halves of one recording."""
    scores = cosine(prints.embeddings, probes.embeddings)
    same = np.equal.outer(np.array(prints.speakers), np.array(probes.speakers))
    return np.diag(scores), scores[~same]


def worse_microphone(samples: FloatArray, seed: int) -> FloatArray:
    """The same speech duller and with white noise at 15 dB."""
    dull = lfilter([1.0 - TILT], [1.0, -TILT], samples).astype(np.float32)
    noise = np.random.default_rng(seed).standard_normal(len(dull)).astype(np.float32)
    level = float(np.sqrt(np.mean(dull**2))) * 10 ** (-WORSE_SNR_DB / 20)
    noisy: FloatArray = dull + np.float32(level) * noise
    return noisy


def _halves(files: list[Path]) -> Iterator[tuple[FloatArray, FloatArray]]:
    preparer = Preparer(SileroVad())
    for file in files:
        speech = preparer.prepare(read_file(file)).samples
        middle = len(speech) // 2
        if middle >= MIN_HALF_SAMPLES:
            yield speech[:middle], speech[middle:]


def _conditions(halves: list[FloatArray]) -> Iterator[list[FloatArray]]:
    short = [half[:SHORT_SAMPLES] for half in halves]
    yield halves
    yield short
    yield [worse_microphone(half, seed) for seed, half in enumerate(short)]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fit the default calibration of an encoder.")
    parser.add_argument("--data", type=Path, required=True, help="a folder with one sub-folder per speaker")
    parser.add_argument("--last", type=int, default=0, help="only the last N speakers in order of name")
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--out", type=Path, help="by default beside the encoder")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    tree = dict(list(speaker_tree(options.data).items())[-options.last :])
    fitted_on = f"{len(tree)} speakers of {'/'.join(options.data.parts[-2:])}"
    calibration = fit_default(encoder, tree, fitted_on=fitted_on)
    out = options.out or calibration_file(options.encoder)
    out.write_text(calibration.to_json() + "\n", encoding="utf-8")
    sys.stdout.write(
        f"{label(encoder)}: llr = {calibration.slope:.2f} * score {calibration.intercept:+.2f}, fitted on "
        f"{calibration.targets} target and {calibration.nontargets} non-target trials, written to {out.name}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
