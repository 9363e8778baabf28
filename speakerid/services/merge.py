"""One voice under two names: make them one speaker."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import changes, galleries, speakers, utterances
from speakerid.errors import InvalidRequest
from speakerid.services import history
from speakerid.services.speakers import refresh_voiceprint
from speakerid.types import Repair


def merge(db: Handle, gallery: GalleryRow, speaker_id: str, into_id: str) -> Repair:
    """The utterances of `speaker_id` go to `into_id`, and `speaker_id` is gone until the merge is undone.

    Raises GalleryNotFound, SpeakerNotFound, InvalidRequest.
    """
    if speaker_id == into_id:
        raise InvalidRequest("A speaker cannot be merged into itself. Name two speakers.")
    gallery = galleries.get(db, gallery.name, lock="use")
    speaker, into = speakers.get_two(db, gallery.key, speaker_id, into_id)
    moved = utterances.ids(db, speaker)
    change = history.note(db, "merge", speaker, into, moved)
    utterances.hand_over(db, moved, into)
    changes.record(db, gallery.key, speaker.key)
    db.delete(speaker)
    refresh_voiceprint(db, into)
    summary = f"{speaker.name} was merged into {into.name}, with {history.counted(len(moved))}."
    return history.answer(db, gallery, change, [into], summary)
