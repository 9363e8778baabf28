"""What AS-norm and quality measures bring where it counts: among different recordings of one speaker.

    python -m speakerid.evaluation.other_recordings --speech ../shared/speech/librispeech

The trials that the default calibration is fitted on (`calibrate.py`) have one recording on both sides, whose microphone
and room help a plain cosine. Here every recording of the speakers of `dev` is a probe, compared with their other
recordings and with speakers of `train` that the encoder was not trained on. The calibrations are the encoder's own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import label
from speakerid.encoders.registry import calibration_file, cohort_file
from speakerid.evaluation.benefit import Pooled, printed, way
from speakerid.evaluation.calibrate import compared, read_cohort
from speakerid.evaluation.development import CONDITIONS, ENROLLED, Material
from speakerid.evaluation.trees import speaker_tree
from speakerid.scoring.calibration import from_json

UNTRAINED = 51  # speakers of train, the last in order of name


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="What AS-norm and quality measures bring among different recordings.")
    parser.add_argument("--speech", type=Path, required=True, help="a folder with dev and train")
    parser.add_argument("--encoder", default="bundled")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    cohort = read_cohort(encoder, cohort_file(options.encoder))
    several = Material(encoder, speaker_tree(options.speech / "dev"))
    single = Material(encoder, dict(list(speaker_tree(options.speech / "train").items())[-UNTRAINED:]))
    own, strangers = ([people.whole(condition) for condition in ENROLLED] for people in (several, single))
    parts = list[Pooled]()
    for condition in CONDITIONS:
        probes = several.whole(condition)
        for enrolled in own:
            trials = compared(condition.name, probes, enrolled, cohort)
            parts.append(trials.only((probes.recordings[:, None] != enrolled.recordings).ravel()))
        parts += [compared(condition.name, probes, enrolled, cohort) for enrolled in strangers]
    pooled = Pooled.joined(parts)
    fitted = from_json(calibration_file(options.encoder).read_text(encoding="utf-8"))
    rows = {
        way(one.score, bool(one.quality)): one.llr(pooled.scores[one.score], pooled.measures)
        for one in fitted
        if one.score in pooled.scores
    }
    sys.stdout.write(
        f"{label(encoder)}: {pooled.same.sum()} target trials of {len(several.speakers)} speakers and "
        f"{(~pooled.same).sum()} non-target trials with {len(single.speakers)} more\n{printed(pooled, rows)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
