"""Rows of made-up speakers, for stores that are filled without recordings: tens of thousands in a second."""

from __future__ import annotations

import hashlib
from typing import Any

from speakerid.db.models import GalleryRow
from speakerid.db.types import new_id
from speakerid.types import FloatArray


def speaker_row(gallery: GalleryRow, number: int, voiceprint: FloatArray) -> dict[str, Any]:
    """As `moving.add_speakers` takes it."""
    return {
        "id": new_id("spk"),
        "gallery_key": gallery.key,
        "name": f"Speaker {number}",
        "consent": {},
        "voiceprint": voiceprint,
    }


def utterance_row(gallery: GalleryRow, speaker_key: int, embedding: FloatArray) -> dict[str, Any]:
    """As `moving.add_utterances` takes it."""
    return {
        "id": new_id("utt"),
        "gallery_key": gallery.key,
        "speaker_key": speaker_key,
        "sha256": hashlib.sha256(embedding.tobytes()).hexdigest(),
        "speech_s": 8.0,
        "snr_db": 21.5,
        "clipping_ratio": 0.0,
        "bandwidth_hz": 8000,
        "voices": 1,
        "embedding": embedding,
        "encoder_name": gallery.encoder_name,
        "encoder_fingerprint": gallery.encoder_fingerprint,
    }
