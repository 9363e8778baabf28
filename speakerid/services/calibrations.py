"""Which calibration a gallery's answers use: the one fitted on it, while that fits, or else the encoder's default."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

from speakerid.db.models import GalleryRow
from speakerid.errors import CalibrationMissing
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.own_cohort import MIN_SPEAKERS, OWN, OwnCohortScorer
from speakerid.scoring.scorer import Scorer
from speakerid.scoring.sides import Keys
from speakerid.services.engine import Engine
from speakerid.types import CalibrationSource, CohortKind, Combining, FloatArray, GalleryCalibration

OTHER_ENCODER = "It was fitted for another encoder. Calibrate again."
TOO_FEW_VOICES = f"It needs {MIN_SPEAKERS} speakers of the gallery as its cohort; fewer are left. Calibrate again."
OTHER_COMBINING = "It was fitted while utterances were combined otherwise. Calibrate again."
UNREADABLE = "It cannot be read any more. Calibrate again."
OTHER_SCORING = "It was fitted for another kind of score, cohort or use of quality measures. Calibrate again."


@dataclass(frozen=True)
class Stored:
    """As kept in a gallery's row."""

    calibration: Calibration
    speakers: int
    fitted_at: datetime
    combining: Combining = "mean"  # of the utterances into the voiceprints it was fitted on

    @property
    def cohort(self) -> CohortKind:
        return "gallery" if self.calibration.cohort == OWN else "encoder"

    def to_row(self) -> dict[str, Any]:
        return {
            "calibration": asdict(self.calibration),
            "speakers": self.speakers,
            "fitted_at": self.fitted_at.isoformat(),
            "combining": self.combining,
        }

    @classmethod
    def from_row(cls, fields: dict[str, Any]) -> Self:
        return cls(
            Calibration.from_dict(fields["calibration"]),
            fields["speakers"],
            datetime.fromisoformat(fields["fitted_at"]),
            fields.get("combining", "mean"),
        )


def default(engine: Engine) -> Scorer:
    """Raises CalibrationMissing when none was fitted for the running encoder."""
    if engine.scorer is None:
        raise CalibrationMissing(
            f"There is no calibration for encoder {engine.encoder_label}, so a score means nothing yet. "
            "Fit one with 'python -m speakerid.evaluation.calibrate' and name its file in SPEAKERID_CALIBRATION."
        )
    return engine.scorer


def scorer(engine: Engine, gallery: GalleryRow) -> Scorer:
    """Raises CalibrationMissing."""
    found = default(engine)
    stored = _stored(gallery)
    if stored is None or _unused(engine, gallery, stored) is not None:
        return found
    if stored.cohort == "gallery":
        return own_cohort(engine, gallery, stored.calibration)
    return Scorer(stored.calibration, found.cohort)


def own_cohort(engine: Engine, gallery: GalleryRow, calibration: Calibration) -> OwnCohortScorer:
    """Normalizes with the gallery's own voiceprints, as the index has them at the time of each question."""

    def nearest(embeddings: FloatArray, k: int) -> tuple[Keys, FloatArray]:
        found = engine.indexes.nearest(gallery.key, embeddings, k)
        return found.keys, found.scores

    return OwnCohortScorer(calibration=replace(calibration, cohort=OWN), nearest=nearest)


def source(engine: Engine, gallery: GalleryRow) -> CalibrationSource:
    return described(engine, gallery).source


def described(engine: Engine, gallery: GalleryRow) -> GalleryCalibration:
    """For the gallery's own answer."""
    stored = _stored(gallery)
    if stored is None:
        return GalleryCalibration("default", unused=UNREADABLE if is_unreadable(gallery) else None)
    unused = _unused(engine, gallery, stored)
    return GalleryCalibration(
        source="gallery" if unused is None else "default",
        fitted_at=stored.fitted_at,
        speakers=stored.speakers,
        targets=stored.calibration.targets,
        nontargets=stored.calibration.nontargets,
        unused=unused,
        cohort=stored.cohort,
    )


def _stored(gallery: GalleryRow) -> Stored | None:
    """None where there is none, or none that can be read."""
    try:
        return None if gallery.calibration is None else Stored.from_row(gallery.calibration)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def is_unreadable(gallery: GalleryRow) -> bool:
    return gallery.calibration is not None and _stored(gallery) is None


def _unused(engine: Engine, gallery: GalleryRow, stored: Stored) -> str | None:
    """Why the stored calibration is passed over; None when it is used."""
    if stored.calibration.fingerprint != engine.encoder.fingerprint:
        return OTHER_ENCODER
    if engine.scorer is None or not _same_scoring(stored.calibration, engine.scorer.calibration):
        return OTHER_SCORING
    if stored.cohort == "gallery" and engine.indexes.size(gallery.key) < MIN_SPEAKERS:
        return TOO_FEW_VOICES
    if stored.combining != gallery.combining:
        return OTHER_COMBINING
    return None


def _same_scoring(own: Calibration, default: Calibration) -> bool:
    same_cohort = own.cohort in (OWN, default.cohort)
    return own.score == default.score and same_cohort and bool(own.quality) == bool(default.quality)
