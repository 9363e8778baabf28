"""Forget what was heard in a recording that is erased."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import RecordingRow
from speakerid.db.repositories import unknowns
from speakerid.services.unknowns import count


def forget(db: Handle, recording: RecordingRow) -> None:
    """Before `recording` is erased: voices that were heard elsewhere too lose this hearing, the others go.

    Utterances that were made of it stay: they are their speakers' now.
    """
    voices = unknowns.heard_in(db, recording)
    unknowns.forget_hearings(db, recording)
    for voice in voices:
        count.again(db, voice)
