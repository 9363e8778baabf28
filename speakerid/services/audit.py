"""Is a gallery in order? Every enrollment utterance against its own speaker without it, and against all others."""

from __future__ import annotations

import numpy as np

from speakerid.db.models import GalleryRow, UtteranceRow
from speakerid.db.repositories import galleries, speakers, utterances
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.cosine import cosine
from speakerid.scoring.health import examine
from speakerid.scoring.leave_one_out import Compare, Labeled, Reals
from speakerid.services import findings, scores
from speakerid.services.engine import Engine
from speakerid.services.findings import Examined, poor
from speakerid.types import Audit, FloatArray


def audit(engine: Engine, gallery: GalleryRow) -> Audit:
    """Changes nothing. Raises GalleryNotFound, EncoderMismatch, CalibrationMissing."""
    with engine.read() as db:
        gallery = galleries.get(db, gallery.name)
        people, heard = speakers.every(db, gallery.key), utterances.every(db, gallery.key)
    if heard:
        scores.require_same_encoder(engine, gallery)
    heard_of = {one.speaker_key for one in heard}
    voiced = [one for one in people if one.key in heard_of]
    places = {one.key: place for place, one in enumerate(voiced)}
    labeled = Labeled(_embeddings(heard), np.array([places[one.speaker_key] for one in heard], np.int64))
    examined = Examined(
        gallery=gallery,
        silent=tuple(one for one in people if one.key not in heard_of),
        speakers=tuple(voiced),
        utterances=tuple(heard),
        places=labeled.speakers,
        health=examine(
            labeled, np.array([bool(poor(one)) for one in heard], bool), comparing(scores.calibration(engine))
        ),
    )
    return Audit(
        gallery=gallery.name,
        speakers=len(people),
        utterances=len(heard),
        findings=tuple(findings.every(examined)),
        encoder=engine.encoder_label,
        calibration="default",
    )


def comparing(calibration: Calibration) -> Compare:
    def compare(probes: FloatArray, voiceprints: FloatArray) -> Reals:
        return calibration.llr(cosine(probes, voiceprints))

    return compare


def _embeddings(heard: list[UtteranceRow]) -> FloatArray:
    return np.stack([one.embedding for one in heard]) if heard else np.zeros((0, 1), np.float32)
