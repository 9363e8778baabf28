"""Fit the default calibration of an encoder on speech of speakers that it was neither trained nor is tested on.

python -m speakerid.evaluation.calibrate --data ../shared/speech/librispeech/train --last 51
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import Encoder, label
from speakerid.encoders.registry import FITTED
from speakerid.evaluation.development import CONDITIONS, ENROLLED, Material
from speakerid.evaluation.trees import speaker_tree
from speakerid.scoring.calibration import GENERIC, Calibration
from speakerid.scoring.cosine import cosine
from speakerid.scoring.curves import Flags, Floats
from speakerid.scoring.fit import fit
from speakerid.scoring.fitted import Fitted


@dataclass(frozen=True)
class Trials:
    """n comparisons."""

    scores: Floats  # (n,)
    same: Flags  # (n,)


def development_trials(encoder: Encoder, data: Mapping[str, list[Path]]) -> Trials:
    """Every half against every other half of a recording, under all conditions."""
    material = Material(encoder, data)
    scores, same = list[Floats](), list[Flags]()
    for enrolled_half in (0, 1):
        prints = [material.side(enrolled_half, condition) for condition in ENROLLED]
        for condition in CONDITIONS:
            probes = material.side(1 - enrolled_half, condition)
            for enrolled in prints:
                scores.append(np.asarray(cosine(probes.embeddings, enrolled.embeddings), np.float64).ravel())
                same.append(np.equal.outer(np.array(probes.speakers), np.array(enrolled.speakers)).ravel())
    return Trials(np.concatenate(scores), np.concatenate(same))


def fit_default(trials: Trials, *, domains: tuple[str, ...], fingerprint: str) -> Calibration:
    """Raises CalibrationMissing when there is too little speech or the encoder does not tell the speakers apart."""
    return fit(
        trials.scores[trials.same],
        trials.scores[~trials.same],
        strangers=GENERIC.strangers,
        domains=domains,
        fingerprint=fingerprint,
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fit the default calibration of an encoder.")
    parser.add_argument("--data", type=Path, required=True, help="a folder with one sub-folder per speaker")
    parser.add_argument("--last", type=int, default=0, help="only the last N speakers in order of name")
    parser.add_argument("--encoder", default="bundled")
    parser.add_argument("--out", type=Path, help="by default among the fits that ship with the package")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    tree = dict(list(speaker_tree(options.data).items())[-options.last :])
    domains = ("/".join(options.data.parts[-2:]),)
    fitted = fit_default(development_trials(encoder, tree), domains=domains, fingerprint=encoder.fingerprint)
    out = options.out or FITTED / f"{encoder.name}.json"
    out.write_text(Fitted(fitted).to_json(), encoding="utf-8")
    sys.stdout.write(
        f"{label(encoder)}: fitted on {fitted.targets} target and {fitted.nontargets} non-target trials of "
        f"{len(tree)} speakers of {', '.join(domains)}, written to {out.name}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
