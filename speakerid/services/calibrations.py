"""Which calibration a gallery's answers use: the one fitted on it, while that fits, or else the encoder's own."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

from speakerid.db.models import GalleryRow
from speakerid.scoring.calibration import Calibration
from speakerid.services.engine import Engine
from speakerid.types import CalibrationSource, Combining, GalleryCalibration

OTHER_ENCODER = "It was fitted for another encoder. Calibrate again."
OTHER_COMBINING = "It was fitted while utterances were combined otherwise. Calibrate again."
UNREADABLE = "It cannot be read, or is one of an earlier version. Calibrate again."


@dataclass(frozen=True)
class StoredCalibration:
    """As kept in a gallery's row."""

    slope: float
    intercept: float
    fingerprint: str  # of the encoder
    combining: Combining  # of the utterances into the voiceprints it was fitted on
    speakers: int
    targets: int
    nontargets: int
    fitted_at: datetime

    def to_row(self) -> dict[str, Any]:
        return asdict(self) | {"fitted_at": self.fitted_at.isoformat()}

    @classmethod
    def from_row(cls, fields: dict[str, Any]) -> Self:
        """Raises `KeyError`, `TypeError` or `ValueError` for anything that `to_row` did not make."""
        found = cls(**fields | {"fitted_at": datetime.fromisoformat(fields["fitted_at"])})
        if not 0.0 < found.slope < math.inf or not math.isfinite(found.intercept):
            raise ValueError("no calibration has this slope and intercept")
        return found


def used(engine: Engine, gallery: GalleryRow) -> Calibration:
    stored = _stored(gallery)
    if stored is None or _unused(engine, gallery, stored) is not None:
        return engine.calibration
    return replace(engine.calibration, slope=stored.slope, intercept=stored.intercept)


def source(engine: Engine, gallery: GalleryRow) -> CalibrationSource:
    return described(engine, gallery).source


def encoders_own(engine: Engine) -> CalibrationSource:
    """Where it comes from when a gallery has none."""
    return "generic" if engine.calibration.is_generic else "default"


def described(engine: Engine, gallery: GalleryRow) -> GalleryCalibration:
    """For the gallery's own answer."""
    stored = _stored(gallery)
    if stored is None:
        return GalleryCalibration(encoders_own(engine), unused=UNREADABLE if is_unreadable(gallery) else None)
    unused = _unused(engine, gallery, stored)
    return GalleryCalibration(
        source="gallery" if unused is None else encoders_own(engine),
        fitted_at=stored.fitted_at,
        speakers=stored.speakers,
        targets=stored.targets,
        nontargets=stored.nontargets,
        unused=unused,
    )


def _stored(gallery: GalleryRow) -> StoredCalibration | None:
    """None where there is none, or none that can be read."""
    try:
        return None if gallery.calibration is None else StoredCalibration.from_row(gallery.calibration)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def is_unreadable(gallery: GalleryRow) -> bool:
    return gallery.calibration is not None and _stored(gallery) is None


def _unused(engine: Engine, gallery: GalleryRow, stored: StoredCalibration) -> str | None:
    """Why the stored calibration is passed over; None when it is used."""
    if stored.fingerprint != engine.encoder.fingerprint:
        return OTHER_ENCODER
    return None if stored.combining == gallery.combining else OTHER_COMBINING
