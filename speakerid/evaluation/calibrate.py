"""Fit the default calibration of an encoder on speech of speakers that it was neither trained nor is tested on.

    python -m speakerid.evaluation.calibrate --data ../shared/speech/librispeech/train --last 51

One calibration is fitted for plain cosine and, where the encoder has a cohort, one for AS-norm, each without and with
quality measures; the file holds them all. What each brings is printed, measured on speakers left out of its fit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import Encoder, label
from speakerid.encoders.registry import calibration_file, cohort_file
from speakerid.evaluation.benefit import Pooled, table
from speakerid.evaluation.development import CONDITIONS, ENROLLED, Material, Named
from speakerid.evaluation.trees import speaker_tree
from speakerid.scoring.calibration import Calibration, Score, to_json
from speakerid.scoring.cohort import Cohort
from speakerid.scoring.cosine import cosine
from speakerid.scoring.fit import fit, trials
from speakerid.scoring.quality import measures
from speakerid.scoring.scorer import normalized


def development_trials(encoder: Encoder, data: Mapping[str, list[Path]], cohort: Cohort | None) -> Pooled:
    """Every half against every other half of a recording, under all conditions."""
    material = Material(encoder, data)
    parts: list[Pooled] = []
    for enrolled_half in (0, 1):
        prints = [material.side(enrolled_half, condition) for condition in ENROLLED]
        for condition in CONDITIONS:
            probes = material.side(1 - enrolled_half, condition)
            parts += [compared(condition.name, probes, enrolled, cohort) for enrolled in prints]
    return Pooled.joined(parts)


def fit_default(pooled: Pooled, *, fitted_on: str, fingerprint: str, cohort: Cohort | None) -> list[Calibration]:
    """Raises CalibrationMissing when there is too little speech or the encoder does not tell the speakers apart."""
    scores: tuple[Score, ...] = ("cosine",) if cohort is None else ("cosine", "asnorm")
    return [
        fit(
            trials(pooled.scores[score][pooled.same], pooled.measures[pooled.same]),
            trials(pooled.scores[score][~pooled.same], pooled.measures[~pooled.same]),
            fitted_on=fitted_on,
            fingerprint=fingerprint,
            score=score,
            quality=quality,
            cohort=cohort.digest if cohort and score == "asnorm" else None,
        )
        for score, quality in product(scores, (False, True))
    ]


def compared(condition: str, probes: Named, enrolled: Named, cohort: Cohort | None) -> Pooled:
    """All probes, heard under this condition, against all that are enrolled."""
    cosines = cosine(probes.side.embeddings, enrolled.side.embeddings)
    scores: dict[Score, NDArray[np.floating]] = {"cosine": cosines}
    if cohort is not None:
        scores["asnorm"] = normalized(cosines, probes.side, enrolled.side, cohort)
    return Pooled.of(condition, probes.speakers, enrolled.speakers, scores=scores, measures=measures(probes.side))


def read_cohort(encoder: Encoder, file: Path) -> Cohort | None:
    """None where there is no such file, or it is another encoder's: an encoder may be new, its cohort not made yet."""
    cohort = Cohort.from_bytes(file.read_bytes()) if file.is_file() else None
    return cohort if cohort and cohort.fingerprint == encoder.fingerprint else None


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fit the default calibration of an encoder.")
    parser.add_argument("--data", type=Path, required=True, help="a folder with one sub-folder per speaker")
    parser.add_argument("--last", type=int, default=0, help="only the last N speakers in order of name")
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--cohort", type=Path, help="a cohort file; by default the one beside the encoder")
    parser.add_argument("--out", type=Path, help="by default beside the encoder")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    cohort = read_cohort(encoder, options.cohort or cohort_file(options.encoder))
    tree = dict(list(speaker_tree(options.data).items())[-options.last :])
    pooled = development_trials(encoder, tree, cohort)
    fitted_on = f"{len(tree)} speakers of {'/'.join(options.data.parts[-2:])}"
    fitted = fit_default(pooled, fitted_on=fitted_on, fingerprint=encoder.fingerprint, cohort=cohort)
    out = options.out or calibration_file(options.encoder)
    out.write_text(to_json(fitted) + "\n", encoding="utf-8")
    sys.stdout.write(
        f"{label(encoder)}: {len(fitted)} calibrations fitted on {fitted[0].targets} target and "
        f"{fitted[0].nontargets} non-target trials of {fitted_on}, written to {out.name}\n{table(pooled)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
