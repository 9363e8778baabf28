"""What identify and verify share: the calibration that applies, the threshold, the words for a reason."""

from __future__ import annotations

import numpy as np

from speakerid.db.models import GalleryRow, SpeakerRow
from speakerid.encoders.base import label_of
from speakerid.errors import CalibrationMissing, EncoderMismatch
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cosine import cosine
from speakerid.scoring.decision import fmr_for_fpir
from speakerid.services.engine import Engine
from speakerid.types import FloatArray, Threshold


def calibration(engine: Engine) -> Calibration:
    """Raises CalibrationMissing when none was fitted for the running encoder."""
    if engine.calibration is None:
        raise CalibrationMissing(
            f"There is no calibration for encoder {engine.encoder_label}, so a score means nothing yet. "
            "Fit one with 'python -m speakerid.evaluation.calibrate' and name its file in SPEAKERID_CALIBRATION."
        )
    return engine.calibration


def require_same_encoder(engine: Engine, gallery: GalleryRow) -> None:
    """For galleries with voiceprints: embeddings of different encoders are never compared. Raises EncoderMismatch."""
    if gallery.encoder_fingerprint != engine.encoder.fingerprint:
        made_with = label_of(gallery.encoder_name, gallery.encoder_fingerprint)
        raise EncoderMismatch(gallery.name, made_with, engine.encoder_label)


def threshold(engine: Engine, gallery: GalleryRow, compared: int) -> Threshold:
    """The llr to reach so that a stranger, compared with `compared` speakers, is named with chance target_fpir."""
    fitted = calibration(engine)
    score = fitted.score_for_fmr(fmr_for_fpir(gallery.target_fpir, compared))
    llr = float(fitted.llr(np.array([score]))[0])
    if llr < 0.0:
        return Threshold(0.0, "even odds: target_fpir alone would accept less")
    return Threshold(llr, f"target_fpir={gallery.target_fpir:g}, gallery of {compared}")


def against(probe: FloatArray, rows: list[SpeakerRow]) -> FloatArray:
    """Cosine `(n,)` of the probe `(dim,)` with the voiceprints as SQL holds them."""
    voiceprints = np.stack([row.voiceprint for row in rows if row.voiceprint is not None])
    scores: FloatArray = cosine(probe[None, :], voiceprints)[0]
    return scores
