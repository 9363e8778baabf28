"""One kept voice, and where it was heard."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import unknowns
from speakerid.db.repositories.unknowns import Occurrence
from speakerid.services.unknowns.page import shaped
from speakerid.types import Hearing, UnknownVoiceDetails, UnknownVoiceTurn


def show(db: Handle, gallery: GalleryRow, unknown_id: str) -> UnknownVoiceDetails:
    """Raises UnknownVoiceNotFound."""
    row = unknowns.get(db, gallery.key, unknown_id)
    return UnknownVoiceDetails(shaped(row), tuple(_hearing(one) for one in unknowns.hearings(db, row)))


def _hearing(heard: Occurrence) -> Hearing:
    return Hearing(
        recording=heard.recording.id,
        voice=heard.row.label,
        speech_seconds=round(heard.row.speech_s, 2),
        received_at=heard.recording.created_at,
        turns=tuple(UnknownVoiceTurn(*turn) for turn in heard.row.turns if len(turn) == 2),
    )
