"""Forget what was heard in a recording that is erased."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import RecordingRow
from speakerid.db.repositories import galleries, unknowns
from speakerid.services.unknowns import count


def forget(db: Handle, recording: RecordingRow) -> None:
    """Before it is erased: voices that were heard elsewhere too lose this hearing, the others go.

    Utterances that were made of it stay: they are their speakers' now.
    """
    galleries.hold(db, recording.gallery_key)  # `keep` touches the same voices in another order
    voices = unknowns.heard_in(db, recording.key)
    unknowns.forget_hearings(db, recording.key)
    for voice in voices:
        count.again(db, voice)
