"""Repairs of a gallery: merge two speakers, move an utterance, undo that or a split, and the history of it all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal

from speakerid.db.asked import about
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, RepairRow, SpeakerRow
from speakerid.db.repositories import changes, galleries, repairs, speakers, utterances
from speakerid.db.types import is_damaged, new_id
from speakerid.errors import InvalidRequest, SpeakerNotFound, SpeakerOptedOut, UndoImpossible
from speakerid.services import serializers, validation
from speakerid.services.galleries import refresh_voiceprints
from speakerid.services.recordings import erase
from speakerid.types import Change, Page, Repair, SpeakerRef

PAGE_LIMIT = 200


def note(
    db: Handle,
    kind: Literal["merge", "move", "split"],
    speaker: SpeakerRow,
    into: SpeakerRow,
    utterance_ids: Sequence[str],
) -> RepairRow:
    """Keep what undoing needs: of a merged speaker all fields."""
    row = RepairRow(
        id=new_id("chg"),
        gallery_key=into.gallery_key,
        kind=kind,
        state="done",
        speaker_id=speaker.id,
        into_id=into.id,
        utterance_ids=list(utterance_ids),
        merged=_kept(speaker) if kind == "merge" else None,
    )
    repairs.add(db, row)
    return row


def history(db: Handle, gallery: GalleryRow, *, cursor: str | None = None, limit: int = 50) -> Page[Change]:
    """Newest first. `next_cursor` is None on the last page. Raises InvalidRequest for another list's cursor."""
    limit = min(max(limit, 1), PAGE_LIMIT)
    rows = repairs.page(db, gallery.key, before=validation.cursor(cursor, "chg"), limit=limit + 1)
    return serializers.page(_changes(db, gallery, rows), limit)


def _changes(db: Handle, gallery: GalleryRow, rows: Sequence[RepairRow]) -> tuple[Change, ...]:
    wanted = {speaker_id for row in rows for speaker_id in (row.speaker_id, row.into_id) if speaker_id}
    names = speakers.names(db, gallery.key, wanted)
    for merge in repairs.merges_of(db, gallery.key, wanted):
        if merge.speaker_id and merge.merged:
            names[merge.speaker_id] = merge.merged.get("name", "")
    return tuple(_change(row, names) for row in rows)


def answer(db: Handle, gallery: GalleryRow, row: RepairRow, touched: Sequence[SpeakerRow], summary: str) -> Repair:
    return Repair(
        change=_changes(db, gallery, [row])[0],
        speakers=tuple(serializers.speaker(speakers.with_sums(db, one), gallery) for one in touched),
        summary=summary,
    )


def counted(utterances: int) -> str:
    return "1 utterance" if utterances == 1 else f"{utterances} utterances"


def persons(db: Handle, gallery_key: int, speaker_id: str) -> set[str]:
    """The speaker and all who were merged into them, however many merges ago."""
    return _persons(repairs.remembering(db, gallery_key), speaker_id)


def forget(db: Handle, gallery_key: int, utterance_ids: Collection[str], speaker: SpeakerRow | None = None) -> None:
    """Empty every change of an erased utterance or speaker, or of whoever was merged into that speaker.

    Only that there was a change, and when, is left: it cannot be undone.
    """
    rows = repairs.remembering(db, gallery_key)
    gone = _persons(rows, speaker.id) if speaker else set()
    for row in reversed(rows):  # oldest first: in recordings, who was merged twice becomes the last of them
        if {row.speaker_id, row.into_id} & gone or not set(utterance_ids).isdisjoint(row.utterance_ids):
            if row.kind == "merge" and row.state == "done" and row.speaker_id and row.into_id:
                erase.speakers(db, gallery_key, {row.speaker_id}, {row.speaker_id: row.into_id})
            row.state, row.speaker_id, row.into_id, row.utterance_ids, row.merged = "erased", None, None, [], None
    db.flush()


def _persons(rows: Sequence[RepairRow], speaker_id: str) -> set[str]:
    merged = {row.speaker_id: row.into_id for row in rows if row.kind == "merge" and row.state == "done"}
    found, fresh = {speaker_id}, {speaker_id}
    while fresh:
        fresh = {one for one, into in merged.items() if one and into in fresh} - found
        found |= fresh
    return found


def _kept(speaker: SpeakerRow) -> dict[str, object]:
    return {
        "name": speaker.name,
        "external_id": speaker.external_id,
        "metadata": speaker.details,
        "consent": speaker.consent,
        "tags": list(speakers.tags(speaker)),
        "created_at": speaker.created_at.isoformat(),
        "version": speaker.version,
    }


def _change(row: RepairRow, names: dict[str, str]) -> Change:
    return Change(
        id=row.id,
        kind=row.kind,
        state=row.state,
        speaker=SpeakerRef(row.speaker_id, names.get(row.speaker_id, "")) if row.speaker_id else None,
        into=SpeakerRef(row.into_id, names.get(row.into_id, "")) if row.into_id else None,
        utterances=tuple(row.utterance_ids),
        created_at=row.created_at,
    )


def merge(db: Handle, gallery: GalleryRow, speaker_id: str, into_id: str) -> Repair:
    """The utterances of `speaker_id` go to `into_id`, and `speaker_id` is gone until the merge is undone.

    Raises GalleryNotFound, SpeakerNotFound, InvalidRequest.
    """
    if speaker_id == into_id:
        raise InvalidRequest("A speaker cannot be merged into itself. Name two speakers.")
    gallery = galleries.get(db, gallery.name, lock="use")
    speaker, into = speakers.get_two(db, gallery.key, speaker_id, into_id)
    _refuse_opted_out(speaker, into)
    about(into.id)
    moved = utterances.ids(db, speaker)
    change = note(db, "merge", speaker, into, moved)
    utterances.hand_over(db, moved, into)
    changes.record(db, gallery.key, speaker.key)
    db.delete(speaker)
    refresh_voiceprints(db, gallery.key, [into])
    summary = f"{speaker.name} was merged into {into.name}, with {counted(len(moved))}."
    return answer(db, gallery, change, [into], summary)


def _refuse_opted_out(*speakers: SpeakerRow) -> None:
    """Raises SpeakerOptedOut."""
    for row in speakers:
        if row.opted_out_at is not None:
            raise SpeakerOptedOut(row.id, row.name)


def move(db: Handle, gallery: GalleryRow, speaker_id: str, utterance_id: str, to_id: str) -> Repair:
    """The utterance becomes one of `to_id`. Both voiceprints are recomputed.

    Raises GalleryNotFound, SpeakerNotFound, UtteranceNotFound, InvalidRequest.
    """
    if speaker_id == to_id:
        raise InvalidRequest("The utterance is this speaker's already. Name another speaker to move it to.")
    gallery = galleries.get(db, gallery.name, lock="use")
    speaker, to = speakers.get_two(db, gallery.key, speaker_id, to_id)
    _refuse_opted_out(to)
    about(to.id)
    utterance = utterances.get(db, speaker, utterance_id)
    change = note(db, "move", speaker, to, [utterance.id])
    utterances.hand_over(db, [utterance.id], to)
    refresh_voiceprints(db, gallery.key, [speaker, to])
    summary = f"Utterance {utterance.id} was moved from {speaker.name} to {to.name}."
    return answer(db, gallery, change, [speaker, to], summary)


def undo(db: Handle, gallery: GalleryRow, change_id: str = repairs.LAST) -> Repair:
    """Give the utterances back; a merged speaker is there again, with the same id and all fields, and the new speaker
    of a split is gone, unless they have other utterances by now.

    "last" is the newest change that is not undone. Raises ChangeNotFound, UndoImpossible, ExternalIdTaken.
    """
    gallery = galleries.get(db, gallery.name, lock="use")
    change = repairs.get(db, gallery.key, change_id)
    speaker, into = _parties(db, gallery, change)
    change = repairs.get(db, gallery.key, change.id, lock=True)  # as it is now that the speakers are held
    _require(db, change, into)
    speaker = speaker or _revive(db, change)
    utterances.hand_over(db, change.utterance_ids, speaker)
    change.state, change.merged = "undone", None
    refresh_voiceprints(db, gallery.key, [speaker, into])
    back = counted(len(change.utterance_ids))
    summary = f"The {change.kind} was undone: {speaker.name} has {back} back."
    left = [speaker] if change.kind == "split" and _dissolved(db, into, speaker) else [speaker, into]
    return answer(db, gallery, change, left, summary)


def _dissolved(db: Handle, made: SpeakerRow, back: SpeakerRow) -> bool:
    """Whether the speaker whom a split made goes with it: who has nothing of their own is who they came from."""
    if utterances.ids(db, made):
        return False
    erase.speakers(db, made.gallery_key, {made.id}, {made.id: back.id})
    changes.record(db, made.gallery_key, made.key)
    db.delete(made)
    db.flush()
    return True


def _parties(db: Handle, gallery: GalleryRow, change: RepairRow) -> tuple[SpeakerRow | None, SpeakerRow]:
    """Who gets the utterances back, None after a merge, and who has them. Both are held."""
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
    return "A later merge, move or split touched these utterances or speakers. Undo that one first."


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
    speakers.put_tags(row, kept.get("tags", ()))  # merged before there were any
    speakers.add(db, row)
    return row
