"""Rows for tests that talk to the store directly."""

from __future__ import annotations

import numpy as np

from speakerid.db.engine import Database, Handle
from speakerid.db.models import GalleryRow, SpeakerRow
from speakerid.db.repositories import changes
from speakerid.db.types import new_id
from speakerid.types import FloatArray


def unit(seed: int, dim: int = 32) -> FloatArray:
    """(dim,) of length 1."""
    vector = np.random.default_rng(seed).standard_normal(dim)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def gallery_row(name: str = "team") -> GalleryRow:
    return GalleryRow(
        name=name,
        encoder_name="fake",
        encoder_fingerprint="0" * 64,
        target_fpir=0.01,
        min_speech_s=1.0,
        enroll_speech_s=10.0,
        keep_audio=False,
    )


def add_gallery(database: Database, name: str = "team") -> int:
    """Its key."""
    with database.write() as db:
        row = gallery_row(name)
        db.add(row)
        db.flush()
        return row.key


def add_speaker(db: Handle, gallery_key: int, seed: int = 1, name: str = "Ada") -> SpeakerRow:
    """With a voiceprint, and the change noted."""
    row = SpeakerRow(id=new_id("spk"), gallery_key=gallery_key, name=name, voiceprint=unit(seed))
    db.add(row)
    db.flush()
    changes.record(db, gallery_key, row.key)
    db.flush()
    return row
