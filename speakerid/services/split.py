"""Divide a speaker who turned out to be two people: the opposite of a merge."""

from __future__ import annotations

from collections.abc import Sequence

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import galleries, speakers, utterances
from speakerid.errors import InvalidRequest, UtteranceNotFound
from speakerid.services import repair
from speakerid.services import speakers as making
from speakerid.services.galleries import refresh_voiceprints
from speakerid.services.speakers import SpeakerFields
from speakerid.types import Repair


def split(db: Handle, gallery: GalleryRow, speaker_id: str, utterance_ids: Sequence[str], new: SpeakerFields) -> Repair:
    """These utterances become those of a `new` speaker. Both voiceprints are recomputed; `repair.undo` takes it back.

    Raises GalleryNotFound, SpeakerNotFound, UtteranceNotFound, InvalidRequest for none or all of the speaker's
    utterances, ExternalIdTaken.
    """
    gallery = galleries.get(db, gallery.name, lock="use")
    speaker = speakers.get(db, gallery.key, speaker_id, lock=True)
    wanted = list(dict.fromkeys(utterance_ids))
    _require_some(wanted, utterances.ids(db, speaker))
    made = speakers.get(db, gallery.key, making.create(db, gallery, new).id)
    change = repair.note(db, "split", speaker, made, wanted)
    utterances.hand_over(db, wanted, made)
    refresh_voiceprints(db, gallery.key, [speaker, made])
    summary = f"{made.name} was split off {speaker.name}, with {repair.counted(len(wanted))}."
    return repair.answer(db, gallery, change, [speaker, made], summary)


def _require_some(wanted: Sequence[str], own: Sequence[str]) -> None:
    """Raises InvalidRequest, UtteranceNotFound."""
    if not wanted:
        raise InvalidRequest("No utterance was named. Name those that the new speaker said.")
    foreign = [one for one in wanted if one not in set(own)]
    if foreign:
        raise UtteranceNotFound(foreign[0])
    if len(wanted) == len(own):
        raise InvalidRequest("All utterances of this speaker were named. Rename the speaker instead.")
