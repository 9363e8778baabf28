"""Fits on domains, and each domain left out in turn: galleries of it judged by what the others taught."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speakerid.audio.windows import MOST
from speakerid.calibration.fit import fit
from speakerid.calibration.fit_coach import fit_limits, one_voice, own_scores
from speakerid.calibration.labeled_domain import DrawnGallery, LabeledDomain, draw
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.fitted import Fitted
from speakerid.scoring.multi_speaker_detector import split
from speakerid.scoring.strangers import own_strangers

ENROLLED = 30  # speakers at most
DRAWS = 20
TARGET_FPIR = 0.01
MIN_OTHERS = 2  # domains to fit on
SEED = 8


@dataclass(frozen=True)
class DomainLeftOut:
    """Shares, by what was fitted without this domain."""

    domain: str
    enrolled: int  # speakers of a gallery
    accepted: float  # utterances of enrolled speakers named rightly
    wrong_names: float  # … named as somebody else
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
    llrs = [model.llr(split(windows, seconds)) for windows, seconds in one_voice(domain, MOST) if len(windows) > 1]
    return float(np.mean(np.array(llrs) > fitted.limits.voices_llr.refuse))
