"""What an encoder's decisions need, fitted on domains: its calibration and the limits of the enrollment coach."""

from __future__ import annotations

from collections.abc import Sequence

from speakerid.audio.windows import MOST
from speakerid.scoring.fit import fit
from speakerid.scoring.fit_coach import fit_limits
from speakerid.scoring.fitted import Fitted
from speakerid.scoring.labeled_domain import LabeledDomain


def fit_domains(domains: Sequence[LabeledDomain], fingerprint: str) -> Fitted:
    """Raises CalibrationMissing when a domain has too little."""
    calibration = fit(domains, fingerprint)
    return Fitted(calibration, fit_limits(domains, calibration, MOST))
