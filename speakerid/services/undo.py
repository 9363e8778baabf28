"""Take back a merge or a move."""

from __future__ import annotations

from datetime import datetime

from speakerid.db.damage import is_damaged
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, RepairRow, SpeakerRow
from speakerid.db.repositories import galleries, repairs, speakers, utterances
from speakerid.errors import SpeakerNotFound, UndoImpossible
from speakerid.services import history
from speakerid.services.speakers import refresh_voiceprint
from speakerid.types import Repair


def undo(db: Handle, gallery: GalleryRow, change_id: str = repairs.LAST) -> Repair:
    """Give the utterances back; a merged speaker is there again, with the same id and all that was said about them.

    "last" is the newest change that is not undone. Raises ChangeNotFound, UndoImpossible, ExternalIdTaken.
    """
    gallery = galleries.get(db, gallery.name, lock="use")
    change = repairs.get(db, gallery.key, change_id)
    speaker, into = _speakers(db, gallery, change)
    change = repairs.get(db, gallery.key, change.id, lock=True)  # as it is now that nobody can change the speakers
    _require(db, change, into)
    speaker = speaker or _revive(db, change)
    utterances.hand_over(db, change.utterance_ids, speaker)
    change.state, change.merged = "undone", None
    for one in (speaker, into):
        refresh_voiceprint(db, one)
    back = history.counted(len(change.utterance_ids))
    summary = f"The {change.kind} was undone: {speaker.name} has {back} back."
    return history.answer(db, gallery, change, [speaker, into], summary)


def _speakers(db: Handle, gallery: GalleryRow, change: RepairRow) -> tuple[SpeakerRow | None, SpeakerRow]:
    """Who gets the utterances back, None where a merge left nobody, and who has them. Both are held."""
    if change.state != "done" or change.speaker_id is None or change.into_id is None:
        raise UndoImpossible(_why(change))
    try:
        if change.kind == "merge":
            return None, speakers.get(db, gallery.key, change.into_id, lock=True)
        return speakers.get_two(db, gallery.key, change.speaker_id, change.into_id)
    except SpeakerNotFound:
        db.refresh(change)
        raise UndoImpossible(_why(change)) from None


def _require(db: Handle, change: RepairRow, into: SpeakerRow) -> None:
    if change.state != "done":
        raise UndoImpossible(_why(change))
    if is_damaged(change.utterance_ids) or (change.kind == "merge" and not change.merged):
        raise UndoImpossible("What undoing needs cannot be read any more.")
    if not set(change.utterance_ids) <= set(utterances.ids(db, into)):
        raise UndoImpossible(_why(change))


def _why(change: RepairRow) -> str:
    if change.state == "undone":
        return "This change was undone already. List the history to see what can be undone."
    if change.state == "erased":
        return "A speaker or an utterance of this change was erased since, and with it what undoing needs."
    return "A later merge or move touched these utterances or speakers. Undo that one first."


def _revive(db: Handle, change: RepairRow) -> SpeakerRow:
    """The merged speaker under the same id and a new key: keys are never used twice. Raises ExternalIdTaken."""
    kept = change.merged or {}
    row = SpeakerRow(
        id=change.speaker_id,
        gallery_key=change.gallery_key,
        name=kept["name"],
        external_id=kept["external_id"],
        details=kept["metadata"],
        consent=kept["consent"],
        created_at=datetime.fromisoformat(kept["created_at"]),
        version=kept["version"],
    )
    speakers.add(db, row)
    return row
