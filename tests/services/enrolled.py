"""Speakers for service tests: enrolled from real recordings, or from embeddings made up for the case."""

from __future__ import annotations

import hashlib

import numpy as np

from speakerid.services import coach, galleries, speakers
from speakerid.services.engine import Engine
from speakerid.services.enroll import enroll
from speakerid.services.galleries import GallerySettings
from speakerid.services.probe import Probe
from speakerid.services.speakers import SpeakerFields
from speakerid.services.validation import EVERY_REFUSAL
from speakerid.types import Enrollment, EnrollmentRefusal, FloatArray, Speaker, Speech

USUAL = GallerySettings()
SPEECH = Speech(seconds=4.0, snr_db=30.0, clipping_ratio=0.0, bandwidth_hz=8000)


def made_up(vector: FloatArray, audio: bytes | None = None, speech: Speech = SPEECH) -> Probe:
    """A recording whose embedding is `vector (dim,)`."""
    sent = audio or vector.tobytes()
    return Probe(hashlib.sha256(sent).hexdigest(), speech, vector, 1.0, sent)


def probe_of(engine: Engine, audio: bytes, gallery: str = "default") -> Probe:
    return coach.prepare(engine, galleries.get(engine, gallery), audio)


def near(vector: FloatArray, cosine: float, seed: int = 0) -> FloatArray:
    """A unit vector `(dim,)` at exactly this cosine from the unit vector `vector`."""
    noise = np.random.default_rng(seed).standard_normal(len(vector))
    aside = noise - (noise @ vector) * vector
    found = cosine * vector + np.sqrt(1 - cosine**2) * aside / np.linalg.norm(aside)
    return np.asarray(found / np.linalg.norm(found), np.float32)


def add_gallery(engine: Engine, name: str, settings: GallerySettings = USUAL) -> None:
    with engine.write() as db:
        galleries.create(engine, db, name, settings)


def add_speaker(engine: Engine, name: str, *voices: Probe, gallery: str = "default", **given: object) -> Speaker:
    """A new speaker enrolled from these probes, whatever the coach refuses."""
    with engine.write() as db:
        row = galleries.get(engine, gallery)
        made = speakers.create(db, row, SpeakerFields(name=name, **given))  # type: ignore[arg-type]  # of the types that its callers give
    for voice in voices:
        made = enroll_voice(engine, made.id, voice, gallery).speaker
    return made


def enroll_voice(
    engine: Engine,
    speaker_id: str,
    voice: Probe,
    gallery: str = "default",
    accepted: frozenset[EnrollmentRefusal] = EVERY_REFUSAL,
) -> Enrollment:
    with engine.write() as db:
        return enroll(engine, db, gallery, speaker_id, voice, accepted)


def erase_speaker(engine: Engine, speaker_id: str, gallery: str = "default") -> None:
    with engine.write(erase=True) as db:
        speakers.delete(db, galleries.get(engine, gallery), speaker_id)
