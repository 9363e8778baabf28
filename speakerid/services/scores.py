"""What identify and verify share: the threshold, and the two sides of a comparison."""

from __future__ import annotations

import numpy as np

from speakerid.db.models import GalleryRow
from speakerid.db.repositories.speakers import Voiceprint
from speakerid.encoders.base import label_of
from speakerid.errors import EncoderMismatch
from speakerid.scoring.decision import fmr_for_fpir
from speakerid.scoring.scorer import Compared, Scorer
from speakerid.scoring.sides import Side
from speakerid.services.engine import Engine
from speakerid.services.listen import Voice
from speakerid.types import Threshold


def require_same_encoder(engine: Engine, gallery: GalleryRow) -> None:
    """For galleries with voiceprints: embeddings of different encoders are never compared. Raises EncoderMismatch."""
    if gallery.encoder_fingerprint != engine.encoder.fingerprint:
        made_with = label_of(gallery.encoder_name, gallery.encoder_fingerprint)
        raise EncoderMismatch(gallery.name, made_with, engine.encoder_label)


def threshold(scorer: Scorer, gallery: GalleryRow, best: Compared, compared: int) -> Threshold:
    """The llr to reach so that a stranger, compared with `compared` speakers, is named with chance target_fpir.

    `best` is the one pair to be judged.
    """
    fmr = fmr_for_fpir(gallery.target_fpir, compared)
    llr = float(scorer.threshold_llrs(best, fmr).item())
    if llr < 0.0:
        return Threshold(0.0, "even odds: target_fpir alone would accept less")
    return Threshold(llr, f"target_fpir={gallery.target_fpir:g}, gallery of {compared}")


def probe(voice: Voice) -> Side:
    """Raises NotEnoughSpeech."""
    return Side.of(voice.require()[None, :], [voice.speech])


def enrolled(found: list[Voiceprint]) -> Side:
    """The voiceprints as SQL holds them, and the speech behind them."""
    keys = [one.row.key for one in found]
    return Side.of(np.stack([one.embedding for one in found]), [one.speech for one in found], keys)
