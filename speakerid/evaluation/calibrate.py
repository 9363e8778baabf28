"""Fit what decisions with an encoder need on labeled speech of several kinds, each counting alike.

    python -m speakerid.evaluation.calibrate --speech ../shared/speech --ship
    speakerid models calibrate --encoder E --data DIR

The calibration (cosine to llr, strangers' best scores) and the limits of the enrollment coach. With several domains
each is left out in turn and judged by what the others taught.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import Encoder, label
from speakerid.encoders.registry import FITTED, PAIR
from speakerid.evaluation.domain_embeddings import Bars, EmbeddedDomain, Progress, embed_domain
from speakerid.evaluation.domains import Domain, own_domains, speech_domains
from speakerid.evaluation.fitting import TARGET_FPIR, LeftOut, fit_domains, leave_one_out
from speakerid.models.files import named_failures, refuse_unusable, write_bytes
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.fit import fit
from speakerid.scoring.fitted import Fitted
from speakerid.scoring.labeled_domain import LabeledDomain, one_person_twice

WIDER = 1.5  # than encoders at hand, whose training has much in common
SHIPPED = (PAIR, "campplus", "ecapa-mini")  # the first one finds who is in a domain twice


@dataclass(frozen=True)
class Covered:
    """What a domain gave."""

    domain: str
    fitted_on: bool  # else only judged
    speakers: int
    utterances: int
    one_person_twice: int  # speakers left out for sounding like another one
    too_short: int  # utterances with less than a second of speech
    unreadable: int  # recordings


@dataclass(frozen=True)
class Calibrated:
    encoder: str
    fitted: Fitted
    covered: tuple[Covered, ...]
    left_out: tuple[LeftOut, ...]  # the worst first

    def to_json(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder,
            "domains": [asdict(one) for one in self.covered],
            "left_out": [asdict(one) for one in self.left_out],
            "calibration": self.fitted.calibration.to_dict(),
            "limits": self.fitted.limits.to_dict(),
        }


@dataclass(frozen=True)
class Material:
    """Domains as every encoder embeds them."""

    encoders: Sequence[Encoder]
    domains: Sequence[Domain]
    embedded: Sequence[EmbeddedDomain]
    twice: Sequence[frozenset[int]]  # of each domain, speakers who are in it twice by the first encoder

    def of(self, encoder: int, *, test_only: bool) -> list[LabeledDomain]:
        return [
            one.labeled[encoder].without(twice)
            for domain, one, twice in zip(self.domains, self.embedded, self.twice, strict=True)
            if domain.test_only == test_only
        ]


def read(encoders: Sequence[Encoder], domains: Sequence[Domain], bars: Bars) -> Material:
    """Raises CalibrationMissing for no speech, EncoderFailed."""
    embedded = [embed_domain(domain, encoders, bars(domain.name)) for domain in domains]
    return Material(encoders, domains, embedded, [one_person_twice(one.labeled[0]) for one in embedded])


def calibrate(material: Material) -> list[Calibrated]:
    """One for each encoder. Raises CalibrationMissing for too little."""
    covered = tuple(map(_covered, material.domains, material.embedded, material.twice))
    return [_calibrated(material, at, covered) for at in range(len(material.encoders))]


def prior(material: Material) -> Calibration:
    """For any encoder: of all domains through all encoders, each a domain of its own, and wider between them."""
    every = [one for at in range(len(material.encoders)) for one in material.of(at, test_only=False)]
    found = fit(every, "")
    return replace(found, strangers=replace(found.strangers, between=WIDER * found.strangers.between), domains=())


def _calibrated(material: Material, at: int, covered: tuple[Covered, ...]) -> Calibrated:
    domains, encoder = material.of(at, test_only=False), material.encoders[at]
    fitted = fit_domains(domains, encoder.fingerprint)
    left_out = leave_one_out(domains, material.of(at, test_only=True))
    return Calibrated(label(encoder), fitted, covered, tuple(left_out))


def _covered(domain: Domain, embedded: EmbeddedDomain, twice: frozenset[int]) -> Covered:
    first = embedded.labeled[0]
    rest = first.without(twice)
    return Covered(
        domain=domain.name,
        fitted_on=not domain.test_only,
        speakers=len(rest.names),
        utterances=len(rest.speakers),
        one_person_twice=len(twice),
        too_short=embedded.too_short,
        unreadable=embedded.unreadable,
    )


def report(made: Calibrated) -> Iterator[str]:
    """Markdown."""
    yield f"{made.encoder}\n"
    yield "| domain | speakers | utterances | one person twice | too short | unreadable |"
    yield "|---|---|---|---|---|---|"
    for one in made.covered:
        name = one.domain if one.fitted_on else f"{one.domain} (judged only)"
        cells = (one.speakers, one.utterances, one.one_person_twice, one.too_short, one.unreadable)
        yield f"| {name} | {' | '.join(map(str, cells))} |"
    if made.left_out:
        yield f"\nPercent of each domain by a fit on the others, at a target of {TARGET_FPIR:.0%}, the worst first:\n"
        yield "| domain | enrolled | strangers named | known accepted | wrong names | match refused | voices refused |"
        yield "|---|---|---|---|---|---|---|"
    for left in made.left_out:
        shares = (left.strangers_named, left.accepted, left.wrong_names, left.match_refused, left.voices_refused)
        yield f"| {left.domain} | {left.enrolled} | {' | '.join(f'{100 * share:.1f}' for share in shares)} |"


def write(fitted: Fitted, file: Path) -> None:
    """Raises ModelsDiskFull, ModelsFolderUnusable."""
    text = fitted.to_json().encode()
    with named_failures(file.parent, len(text)):
        write_bytes(file, text)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Fit the calibration and the enrollment limits of encoders.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--speech", type=Path, help="a folder with field, librispeech and fsdd")
    source.add_argument("--data", type=Path, nargs="+", help="folders with one sub-folder per speaker or per domain")
    parser.add_argument("--encoder", action="append", help=f"by default {', '.join(SHIPPED)}")
    parser.add_argument("--ship", action="store_true", help="write what ships with the package")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    names = options.encoder or SHIPPED
    if options.ship:
        refuse_unusable(FITTED)
    domains = speech_domains(options.speech) if options.speech else own_domains(options.data)
    material = read([load_encoder(name) for name in names], domains, say_progress)
    for name, made in zip(names, calibrate(material), strict=True):
        text = json.dumps(made.to_json()) if options.json else "\n".join(report(made))
        sys.stdout.write(f"{text}\n\n")
        if options.ship:
            write(made.fitted, FITTED / f"{name}.json")
    if len(names) > 1:
        sys.stdout.write(f"The prior for any encoder: {json.dumps(prior(material).to_dict())}\n")
    return 0


def say_progress(title: str) -> Progress:
    """A line on stderr for every tenth speaker."""

    def show(done: int, total: int) -> None:
        if done % 10 == 0 or done == total:
            sys.stderr.write(f"{title}: {done} of {total} speakers\n")

    return show


if __name__ == "__main__":
    sys.exit(main())
