"""Fit what ships with the package for the encoders with names, and judge each domain by a fit on the others.

python -m benchmarks.refit --speech ../shared/speech          # prints what each domain would get from the others
python -m benchmarks.refit --speech ../shared/speech --ship   # and writes the fits into the package
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.speech_domains import speech_domains
from speakerid.bootstrap import load_encoder
from speakerid.calibration.domains import Progress
from speakerid.calibration.encoder_calibration import FittingMaterial, calibrate, read, report
from speakerid.calibration.fit import fit
from speakerid.encoders.registry import FITTED, PAIR
from speakerid.models.store import refuse_unusable
from speakerid.scoring.calibration import Calibration

WIDER = 1.5  # than encoders at hand, whose training has much in common
SHIPPED = (PAIR, "campplus", "ecapa-mini")  # the first one finds who is in a domain twice


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Fit the calibration and the enrollment limits of the encoders with names."
    )
    parser.add_argument("--speech", type=Path, required=True, help="a folder with field, librispeech and fsdd")
    parser.add_argument("--encoder", action="append", help=f"by default {', '.join(SHIPPED)}")
    parser.add_argument("--ship", action="store_true", help="write what ships with the package")
    options = parser.parse_args(arguments)
    names = options.encoder or SHIPPED
    if options.ship:
        refuse_unusable(FITTED)
    material = read([load_encoder(name) for name in names], speech_domains(options.speech), say_progress)
    for name, made in zip(names, calibrate(material), strict=True):
        sys.stdout.write("\n".join(report(made)) + "\n\n")
        if options.ship:
            (FITTED / f"{name}.json").write_text(made.fitted.to_json(), encoding="utf-8")
    if len(names) > 1:
        sys.stdout.write(f"The prior for any encoder: {json.dumps(prior(material).to_dict())}\n")
    return 0


def prior(material: FittingMaterial) -> Calibration:
    """For any encoder: of all domains through all encoders, each a domain of its own, and wider between them."""
    every = [one for at in range(len(material.encoders)) for one in material.of(at, test_only=False)]
    found = fit(every, "")
    return replace(found, strangers=replace(found.strangers, between=WIDER * found.strangers.between), domains=())


def say_progress(title: str) -> Progress:
    """A line on stderr for every tenth speaker."""

    def show(done: int, total: int) -> None:
        if done % 10 == 0 or done == total:
            sys.stderr.write(f"{title}: {done} of {total} speakers\n")

    return show


if __name__ == "__main__":
    sys.exit(main())
