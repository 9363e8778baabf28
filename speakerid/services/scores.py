"""What every comparison with a gallery shares: the encoder must be the same, and the threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speakerid.db.models import GalleryRow
from speakerid.db.repositories.speakers import Voiceprint
from speakerid.encoders.base import label_of
from speakerid.errors import EncoderMismatch
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.decision import even_odds_llr
from speakerid.scoring.strangers import OwnStrangers
from speakerid.services.engine import Engine
from speakerid.types import FloatArray, Threshold


def require_same_encoder(engine: Engine, gallery: GalleryRow) -> None:
    """For galleries with voiceprints: embeddings of different encoders are never compared. Raises EncoderMismatch."""
    if gallery.encoder_fingerprint != engine.encoder.fingerprint:
        made_with = label_of(gallery.encoder_name, gallery.encoder_fingerprint)
        raise EncoderMismatch(gallery.name, made_with, engine.encoder_label)


def own_strangers(engine: Engine, gallery: GalleryRow) -> OwnStrangers | None:
    """How strangers score in the gallery; None where it says nothing. Never inside a write transaction."""
    return engine.cross_speaker.own(gallery.key, engine.calibration.strangers)


def threshold(
    engine: Engine, gallery: GalleryRow, calibration: Calibration, compared: int, own: OwnStrangers | None
) -> Threshold:
    """The llr to reach so that a stranger, compared with `compared` speakers, is named with chance target_fpir.

    `calibration` is the gallery's own or its encoder's; what strangers score, the gallery's speakers teach anyway.
    """
    llr = calibration.llr_of(engine.calibration.strangers.taught(own, compared, gallery.target_fpir))
    least = even_odds_llr(engine.policy.prior)
    if llr < least:
        return Threshold(least, "even odds: target_fpir alone would accept less")
    taught = ", its own strangers' scores" if own else ""
    return Threshold(llr, f"target_fpir={gallery.target_fpir:g}, gallery of {compared}{taught}")


def embeddings(found: Sequence[Voiceprint]) -> FloatArray:
    """`(n, dim)`: the voiceprints as SQL holds them."""
    return np.stack([one.embedding for one in found])
