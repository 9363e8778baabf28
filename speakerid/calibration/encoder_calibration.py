"""Fit what decisions with an encoder need on labeled speech of several kinds, each counting alike.

The calibration (cosine to llr, strangers' best scores) and the limits of the enrollment coach. With several domains
each is left out in turn and judged by what the others taught.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from speakerid.audio.decode import MOST
from speakerid.calibration.coach_limits import fit_limits, one_speaker, own_scores
from speakerid.calibration.domains import Bars, Domain, EmbeddedDomain, embed_domain
from speakerid.calibration.fit import fit
from speakerid.calibration.labeled_domain import DrawnGallery, LabeledDomain, draw, one_person_twice
from speakerid.encoders.base import Encoder, label
from speakerid.scoring.calibration import Calibration, own_strangers
from speakerid.scoring.fitted import Fitted
from speakerid.scoring.multi_speaker_detector import split

ENROLLED = 30  # speakers at most
DRAWS = 20
TARGET_FPIR = 0.01
MIN_OTHERS = 2  # domains to fit on
SEED = 8


@dataclass(frozen=True)
class Covered:
    """What a domain gave."""

    domain: str
    fitted_on: bool  # else only judged
    speakers: int
    utterances: int
    one_person_twice: int  # speakers left out because they sound like another one
    too_short: int  # utterances with less than a second of speech
    unreadable: int  # recordings


@dataclass(frozen=True)
class Calibrated:
    encoder: str
    fitted: Fitted
    covered: tuple[Covered, ...]
    left_out: tuple[DomainLeftOut, ...]  # the worst first

    def to_json(self) -> dict[str, Any]:
        return {
            "encoder": self.encoder,
            "domains": [asdict(one) for one in self.covered],
            "left_out": [asdict(one) for one in self.left_out],
            "calibration": self.fitted.calibration.to_dict(),
            "limits": self.fitted.limits.to_dict(),
        }


@dataclass(frozen=True)
class FittingMaterial:
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


def read(encoders: Sequence[Encoder], domains: Sequence[Domain], bars: Bars) -> FittingMaterial:
    """Raises CalibrationMissing for no speech, EncoderFailed."""
    embedded = [embed_domain(domain, encoders, bars(domain.name)) for domain in domains]
    return FittingMaterial(encoders, domains, embedded, [one_person_twice(one.labeled[0]) for one in embedded])


def calibrate(material: FittingMaterial) -> list[Calibrated]:
    """One for each encoder. Raises CalibrationMissing for too little."""
    covered = tuple(map(_covered, material.domains, material.embedded, material.twice))
    return [_calibrated(material, at, covered) for at in range(len(material.encoders))]


def _calibrated(material: FittingMaterial, at: int, covered: tuple[Covered, ...]) -> Calibrated:
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


@dataclass(frozen=True)
class DomainLeftOut:
    """Shares, by what was fitted without this domain."""

    domain: str
    enrolled: int  # speakers of a gallery
    accepted: float  # utterances of enrolled speakers named rightly
    wrong_names: float  # … given another name
    strangers_named: float
    match_refused: float  # good enrollments that `does_not_match_speaker` refuses
    voices_refused: float  # … that `more_than_one_voice` refuses


def fit_domains(domains: Sequence[LabeledDomain], fingerprint: str) -> Fitted:
    """Raises CalibrationMissing when a domain has too little."""
    calibration = fit(domains, fingerprint)
    return Fitted(calibration, fit_limits(domains, calibration, MOST))


def leave_one_out(domains: Sequence[LabeledDomain], test_only: Sequence[LabeledDomain]) -> list[DomainLeftOut]:
    """The worst first: the most strangers named. Nothing for a single domain or two."""
    found = list[DomainLeftOut]()
    for domain in [*domains, *test_only]:
        others = [one for one in domains if one is not domain]
        if len(others) >= MIN_OTHERS:
            found.append(_judged(domain, fit_domains(others, "")))
    return sorted(found, key=lambda one: (-one.strangers_named, one.accepted))


def _judged(domain: LabeledDomain, fitted: Fitted) -> DomainLeftOut:
    size = min(ENROLLED, (len(domain.names) + 1) // 2)
    accepted, wrong, named = np.mean([_decided(one, fitted.calibration) for one in _galleries(domain, size)], axis=0)
    match = fitted.calibration.llr(own_scores(domain)) < fitted.limits.match_llr.refuse
    return DomainLeftOut(
        domain=domain.name,
        enrolled=size,
        accepted=float(accepted),
        wrong_names=float(wrong),
        strangers_named=float(named),
        match_refused=float(match.mean()),
        voices_refused=_refused(domain, fitted),
    )


def _galleries(domain: LabeledDomain, size: int) -> Iterator[DrawnGallery]:
    random = np.random.default_rng(SEED)
    return (draw(domain, size, random) for _ in range(DRAWS))


def _decided(gallery: DrawnGallery, calibration: Calibration) -> tuple[float, float, float]:
    """Shares of known utterances named rightly and wrongly, and of strangers' named, at TARGET_FPIR."""
    size, strangers_model = len(gallery.voiceprints), calibration.strangers
    own = own_strangers(gallery.cross_speaker_maxima(), gallery.enrolled_of, size - 1, strangers_model)
    threshold = strangers_model.taught(own, size, TARGET_FPIR)
    threshold = max(threshold, -calibration.intercept / calibration.slope)  # even odds
    known, strangers = gallery.known_scores(), gallery.stranger_scores()
    named, right = known.max(axis=1) >= threshold, known.argmax(axis=1) == gallery.known_of
    return (
        float((named & right).mean()),
        float((named & ~right).mean()),
        float((strangers.max(axis=1) >= threshold).mean()),
    )


def _refused(domain: LabeledDomain, fitted: Fitted) -> float:
    model = fitted.limits.voices
    assert model is not None, "it was fitted just now"
    llrs = [model.llr(split(windows, seconds)) for windows, seconds in one_speaker(domain, MOST) if len(windows) > 1]
    return float(np.mean(np.array(llrs) > fitted.limits.voices_llr.refuse))
