"""Make the cohort of an encoder: embeddings of voices that its users are not looking for.

    python -m speakerid.evaluation.cohort --data ../shared/speech/librispeech/train --first 200 \
        --data ../shared/speech/coffee --noise ../shared/speech/noise/noise*.flac

The bundled encoder's cohort is made of speech that it was trained on: nothing else was left, and the speakers kept
aside must stay strangers to it, because calibrations are fitted on them.

Every recording is in it three times: as it is, in noise of 5 to 15 dB, half of it made and half of it recorded, and
over the telephone. Scores are normalized by the part that was heard like the other side.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from speakerid.audio.files import read_file
from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import Encoder, label
from speakerid.encoders.registry import cohort_file
from speakerid.evaluation.conditions import DULL, mixed
from speakerid.evaluation.development import Change, telephone, unchanged
from speakerid.evaluation.trees import recordings
from speakerid.scoring.cohort import Cohort, Part
from speakerid.scoring.sides import Side
from speakerid.types import FloatArray

MIN_SPEECH_S = 1.5
SNR_DB = (5.0, 15.0)


def make(encoder: Encoder, files: list[Path], made_of: str, noises: Sequence[FloatArray] = ()) -> Cohort:
    """One part for each way of hearing; an embedding for every file with enough speech then.

    Raises CohortInvalid when there is none.
    """
    preparer = Preparer(SileroVad())
    sides = [_heard(encoder, preparer, files, change) for change in (unchanged, in_noise(noises), telephone)]
    embeddings = np.concatenate([side.embeddings for side in sides])
    parts = tuple(_part(side) for side in sides if len(side))
    return Cohort.of(embeddings, fingerprint=encoder.fingerprint, made_of=made_of, parts=parts)


def in_noise(recorded: Sequence[FloatArray] = ()) -> Change:
    """Noise made for each recording, or for every other one a part of one of `recorded (samples,)`."""

    def change(samples: FloatArray, seed: int) -> FloatArray:
        random = np.random.default_rng(seed)
        noise = lfilter([1.0], [1.0, -DULL], random.standard_normal(len(samples)))
        if recorded and seed % 2:
            whole = recorded[int(random.integers(len(recorded)))]
            noise = np.roll(whole, -int(random.integers(len(whole))))
        return mixed(samples, noise, float(random.uniform(*SNR_DB)))

    return change


def _heard(encoder: Encoder, preparer: Preparer, files: list[Path], change: Change) -> Side:
    changed = (preparer.clean(change(preparer.decode(read_file(file)), seed)) for seed, file in enumerate(files))
    speech = [one for one in changed if one.speech.seconds >= MIN_SPEECH_S]
    return Side.of(encoder.embed([one.samples for one in speech]), [one.speech for one in speech])


def _part(side: Side) -> Part:
    known = side.snr_db[~np.isnan(side.snr_db)]
    return Part(len(side), float(np.median(known)) if len(known) else np.nan, float(np.median(side.bandwidth_hz)))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make the cohort of AS-norm for an encoder.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="a folder of recordings; repeatable")
    parser.add_argument("--first", type=int, help="only the first N sub-folders, in order of name, of the first folder")
    parser.add_argument("--noise", type=Path, nargs="+", default=[], help="files with nothing but noise")
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--out", type=Path, help="by default beside the encoder")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    speakers = sorted(folder for folder in options.data[0].iterdir() if folder.is_dir())[: options.first]
    folders = [*(speakers or options.data[:1]), *options.data[1:]]
    made_of = " and ".join("/".join(folder.parts[-2:]) for folder in options.data)
    preparer = Preparer(SileroVad())
    noises = [preparer.decode(read_file(file)) for file in options.noise]
    cohort = make(encoder, [file for folder in folders for file in recordings(folder)], made_of, noises)
    out = options.out or cohort_file(options.encoder)
    out.write_bytes(cohort.to_bytes())
    voices = ", ".join(f"{one.voices} at {one.snr_db:.0f} dB and {one.bandwidth_hz:.0f} Hz" for one in cohort.parts)
    sys.stdout.write(f"{label(encoder)}: voices of {made_of}, {voices}, written to {out.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
