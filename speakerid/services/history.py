"""What was merged and moved in a gallery: noted, listed, and forgotten with the voices it tells of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, RepairRow, SpeakerRow
from speakerid.db.repositories import repairs, speakers
from speakerid.db.types import new_id
from speakerid.services import serializers, validation
from speakerid.services.recordings import erase
from speakerid.types import Change, Page, Repair, SpeakerRef

PAGE_LIMIT = 200


def note(
    db: Handle, kind: Literal["merge", "move"], speaker: SpeakerRow, into: SpeakerRow, utterance_ids: Sequence[str]
) -> RepairRow:
    """Keep what undoing needs: of a merged speaker everything that was said about them."""
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


def page(db: Handle, gallery: GalleryRow, *, cursor: str | None = None, limit: int = 50) -> Page[Change]:
    """Newest first. `next_cursor` is None on the last page. Raises InvalidRequest for another list's cursor."""
    limit = min(max(limit, 1), PAGE_LIMIT)
    rows = repairs.page(db, gallery.key, before=validation.cursor(cursor, "chg"), limit=limit + 1)
    items = changes(db, gallery, rows[:limit])
    return Page(items=items, next_cursor=items[-1].id if len(rows) > limit else None)


def changes(db: Handle, gallery: GalleryRow, rows: Sequence[RepairRow]) -> tuple[Change, ...]:
    wanted = {speaker_id for row in rows for speaker_id in (row.speaker_id, row.into_id) if speaker_id}
    names = speakers.names(db, gallery.key, wanted)
    for merge in repairs.merges_of(db, gallery.key, wanted):
        if merge.speaker_id and merge.merged:
            names[merge.speaker_id] = merge.merged.get("name", "")
    return tuple(_change(row, names) for row in rows)


def answer(db: Handle, gallery: GalleryRow, row: RepairRow, touched: Sequence[SpeakerRow], summary: str) -> Repair:
    return Repair(
        change=changes(db, gallery, [row])[0],
        speakers=tuple(serializers.speaker(speakers.with_sums(db, one), gallery) for one in touched),
        summary=summary,
    )


def counted(utterances: int) -> str:
    return "1 utterance" if utterances == 1 else f"{utterances} utterances"


def persons(db: Handle, gallery_key: int, speaker_id: str) -> set[str]:
    """The speaker and all who were merged into them, however many merges ago."""
    return _persons(repairs.remembering(db, gallery_key), speaker_id)


def forget(db: Handle, gallery_key: int, utterance_ids: Collection[str], speaker: SpeakerRow | None = None) -> None:
    """Empty every change that tells of an erased utterance or speaker, or of anybody merged into that speaker.

    What is left says that there was a change, and when: it cannot be undone.
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
