"""A recording under the wrong name: give it to the speaker whose voice it is."""

from __future__ import annotations

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import galleries, speakers, utterances
from speakerid.errors import InvalidRequest
from speakerid.services import history
from speakerid.services.speakers import refresh_voiceprint
from speakerid.types import Repair


def move(db: Handle, gallery: GalleryRow, speaker_id: str, utterance_id: str, to_id: str) -> Repair:
    """The utterance becomes one of `to_id`. Both voiceprints are recomputed.

    Raises GalleryNotFound, SpeakerNotFound, UtteranceNotFound, InvalidRequest.
    """
    if speaker_id == to_id:
        raise InvalidRequest("The utterance is this speaker's already. Name another speaker to move it to.")
    gallery = galleries.get(db, gallery.name, lock="use")
    speaker, to = speakers.get_two(db, gallery.key, speaker_id, to_id)
    utterance = utterances.get(db, speaker, utterance_id)
    change = history.note(db, "move", speaker, to, [utterance.id])
    utterances.hand_over(db, [utterance.id], to)
    for one in (speaker, to):
        refresh_voiceprint(db, one)
    summary = f"Utterance {utterance.id} was moved from {speaker.name} to {to.name}."
    return history.answer(db, gallery, change, [speaker, to], summary)
