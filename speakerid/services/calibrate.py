"""Fit a calibration on a gallery's own enrollment utterances, keep it, or go back to the default."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from speakerid.calibration.gallery_report import FittedGallery, fit_gallery
from speakerid.calibration.gallery_trials import GalleryTrials, Utterances, gallery_trials
from speakerid.calibration.map_adaptation import MIN_NONTARGETS, MIN_SPEAKERS
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, UtteranceRow
from speakerid.db.repositories import galleries, utterances
from speakerid.db.types import now
from speakerid.encoders.base import label_of
from speakerid.errors import EncoderMismatch, TooFewTrials
from speakerid.services import judge, serializers, validation
from speakerid.services.engine import Engine
from speakerid.services.judge import StoredCalibration
from speakerid.types import CalibrationReport, Combining, Gallery

MOST_TRIALS = 300_000  # 316 speakers of three utterances; larger galleries are judged by speakers drawn at random
MOST_OF_ONE = 20  # utterances of one speaker
SEED = 0


@dataclass(frozen=True)
class Made:
    """What `fit` found; `keep` stores it."""

    report: CalibrationReport
    stored: StoredCalibration


def fit(engine: Engine, gallery: GalleryRow) -> Made:
    """Changes nothing. Raises TooFewTrials, ClassesOverlap, EncoderMismatch."""
    with engine.read() as db:
        rows = _sample(db, gallery.key)
    if not rows:
        raise TooFewTrials(0, MIN_SPEAKERS, 0, MIN_NONTARGETS)
    judge.require_same_encoder(engine, gallery)
    trials = gallery_trials(engine.calibration, _utterances(rows, gallery.combining))
    found = fit_gallery(engine.calibration, trials, gallery.target_fpir)
    stored = StoredCalibration(
        slope=found.calibration.slope,
        intercept=found.calibration.intercept,
        fingerprint=engine.encoder.fingerprint,
        combining=gallery.combining,
        speakers=trials.speakers,
        targets=int(trials.targets.sum()),
        nontargets=int(trials.nontargets.sum()),
        fitted_at=now(),
    )
    return Made(_report(engine, gallery, trials, found), stored)


def keep(db: Handle, gallery_name: str, made: Made) -> CalibrationReport:
    """The gallery uses it from now on. Raises GalleryNotFound, EncoderMismatch when it follows another encoder now."""
    row = galleries.get(db, gallery_name, lock="change")
    if row.encoder_fingerprint != made.stored.fingerprint:
        raise EncoderMismatch(row.name, label_of(row.encoder_name, row.encoder_fingerprint), made.report.encoder)
    row.calibration = made.stored.to_row()
    row.version += 1
    db.flush()
    return replace(made.report, stored=True)


def reset(engine: Engine, db: Handle, gallery_name: str, if_match: str | None = None) -> Gallery:
    """Forget the gallery's own calibration. Raises GalleryNotFound, PreconditionFailed."""
    row = galleries.get(db, gallery_name, lock="change")
    validation.unchanged(if_match, row.version)
    if row.calibration is not None:
        row.calibration = None
        row.version += 1
        db.flush()
    return serializers.gallery(engine, db, row)


def _utterances(rows: Sequence[UtteranceRow], combining: Combining) -> Utterances:
    return Utterances(
        np.stack([row.embedding for row in rows]),
        seconds=np.array([row.speech_s for row in rows]),
        speaker=np.unique([row.speaker_key for row in rows], return_inverse=True)[1],
        combining=combining,
    )


def _sample(db: Handle, gallery_key: int) -> list[UtteranceRow]:
    """Utterances of every speaker, or of as many as stay below MOST_TRIALS."""
    counts = {key: min(count, MOST_OF_ONE) for key, count in utterances.counts(db, gallery_key).items()}
    drawn, total = list[int](), 0
    for key in random.Random(SEED).sample(list(counts), len(counts)):
        total += counts[key]
        if total * (len(drawn) + 1) > MOST_TRIALS:
            break
        drawn.append(key)
    return utterances.oldest(db, gallery_key, drawn, MOST_OF_ONE)


def _report(engine: Engine, gallery: GalleryRow, trials: GalleryTrials, found: FittedGallery) -> CalibrationReport:
    return CalibrationReport(
        gallery=gallery.name,
        stored=False,
        target_fpir=gallery.target_fpir,
        speakers=trials.speakers,
        utterances=len(trials.speaker),
        targets=int(trials.targets.sum()),
        nontargets=int(trials.nontargets.sum()),
        min_cllr=found.min_cllr,
        default=found.default,
        fitted=found.fitted,
        histogram=found.histogram,
        curve=found.curve,
        encoder=engine.encoder_label,
        reason=_reason(gallery, found),
    )


def _reason(gallery: GalleryRow, found: FittedGallery) -> str:
    before, after = (
        next(one for one in measured.points if one.target_fpir == gallery.target_fpir)
        for measured in (found.default, found.fitted)
    )
    return (
        f"At target_fpir={gallery.target_fpir:g} it names {after.fpir.value:.1%} of the strangers "
        f"(the default {before.fpir.value:.1%}) and misses {after.fnir.value:.1%} of the enrolled speakers' utterances "
        f"(the default {before.fnir.value:.1%}), measured on speakers left out of the fit."
    )
