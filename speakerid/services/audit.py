"""Is a gallery in order? Every enrollment utterance against its own speaker without it, and against all others."""

from __future__ import annotations

import numpy as np

from speakerid.db.models import GalleryRow, UtteranceRow
from speakerid.db.repositories import galleries, speakers, utterances
from speakerid.scoring.health import Mask, examine
from speakerid.scoring.leave_one_out import Labeled
from speakerid.scoring.sides import Side
from speakerid.services import calibrations, findings, scores
from speakerid.services.engine import Engine
from speakerid.services.findings import Examined, poor, speech_of
from speakerid.types import Audit


def audit(engine: Engine, gallery: GalleryRow) -> Audit:
    """Changes nothing. Raises GalleryNotFound, EncoderMismatch, CalibrationMissing."""
    with engine.read() as db:
        gallery = galleries.get(db, gallery.name)
        people, heard = speakers.every(db, gallery.key), utterances.every(db, gallery.key)
    if heard:
        scores.require_same_encoder(engine, gallery)
    voiced = {one.speaker_key for one in heard}
    found = tuple(one for one in people if one.key in voiced)
    places = {one.key: place for place, one in enumerate(found)}
    labeled = Labeled(_side(heard), np.array([places[one.speaker_key] for one in heard], np.int64), gallery.combining)
    scorer = calibrations.default(engine)  # the gallery's own was fitted on the very labels in question
    health = examine(labeled, _poor(heard), lambda probes, enrolled: scorer.compare(probes, enrolled).llrs)
    silent = tuple(one for one in people if one.key not in voiced)
    examined = Examined(gallery, silent, found, tuple(heard), labeled.speakers, health)
    return Audit(
        gallery=gallery.name,
        speakers=len(people),
        utterances=len(heard),
        findings=tuple(findings.every(examined)),
        encoder=engine.encoder_label,
        calibration="default",
    )


def _side(heard: list[UtteranceRow]) -> Side:
    if not heard:
        return Side.of(np.zeros((0, 1), np.float32), [])
    return Side.of(np.stack([one.embedding for one in heard]), [speech_of(one) for one in heard])


def _poor(heard: list[UtteranceRow]) -> Mask:
    return np.array([bool(poor(one)) for one in heard], np.bool_)
