"""Make the cohort of an encoder: embeddings of voices that its users are not looking for.

    python -m speakerid.evaluation.cohort --data ../shared/speech/librispeech/train --first 200 \
        --data ../shared/speech/coffee

The bundled encoder's cohort is made of speech that it was trained on: nothing else was left, and the speakers kept
aside must stay strangers to it, because calibrations are fitted on them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from speakerid.audio.files import read_file
from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.encoders.base import Encoder, label
from speakerid.encoders.registry import cohort_file, load_encoder
from speakerid.evaluation.trees import recordings
from speakerid.scoring.cohort import Cohort

MIN_SPEECH_S = 1.5


def make(encoder: Encoder, files: list[Path], made_of: str) -> Cohort:
    """One embedding for every file with enough speech. Raises CohortInvalid when there is none."""
    preparer = Preparer(SileroVad())
    speech = [preparer.prepare(read_file(file)) for file in files]
    embeddings = encoder.embed([one.samples for one in speech if one.speech.seconds >= MIN_SPEECH_S])
    return Cohort.of(embeddings, fingerprint=encoder.fingerprint, made_of=made_of)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make the cohort of AS-norm for an encoder.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="a folder of recordings; repeatable")
    parser.add_argument("--first", type=int, help="only the first N sub-folders, in order of name, of the first folder")
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--out", type=Path, help="by default beside the encoder")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    speakers = sorted(folder for folder in options.data[0].iterdir() if folder.is_dir())[: options.first]
    folders = [*(speakers or options.data[:1]), *options.data[1:]]
    made_of = " and ".join("/".join(folder.parts[-2:]) for folder in options.data)
    cohort = make(encoder, [file for folder in folders for file in recordings(folder)], made_of)
    out = options.out or cohort_file(options.encoder)
    out.write_bytes(cohort.to_bytes())
    sys.stdout.write(f"{label(encoder)}: {len(cohort.embeddings)} voices of {made_of}, written to {out.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
