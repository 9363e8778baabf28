"""Forget a kept voice."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import unknowns


def dismiss(db: Handle, gallery: GalleryRow, unknown_id: str) -> None:
    """Erase the voice, its embeddings and where it was heard. Nothing remembers it: heard again, it is a new voice.

    Raises UnknownVoiceNotFound.
    """
    db.delete(unknowns.get(db, gallery.key, unknown_id, lock=True))
    db.flush()
