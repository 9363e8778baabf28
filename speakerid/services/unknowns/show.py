"""One kept voice, and where it was heard."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import unknowns
from speakerid.db.repositories.unknowns import Heard
from speakerid.services.unknowns.page import shaped
from speakerid.types import HeardTurn, Hearing, UnknownVoiceHeard


def show(db: Handle, gallery: GalleryRow, unknown_id: str) -> UnknownVoiceHeard:
    """Raises UnknownVoiceNotFound."""
    row = unknowns.get(db, gallery.key, unknown_id)
    return UnknownVoiceHeard(shaped(row), tuple(_hearing(one) for one in unknowns.hearings(db, row)))


def _hearing(heard: Heard) -> Hearing:
    return Hearing(
        recording=heard.recording.id,
        voice=heard.row.label,
        speech_seconds=round(heard.row.speech_s, 2),
        received_at=heard.recording.created_at,
        turns=tuple(HeardTurn(*turn) for turn in heard.row.turns if len(turn) == 2),
    )
