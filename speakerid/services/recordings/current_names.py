"""Who the speakers in an answer are today: renamed, merged into others, or erased."""

from __future__ import annotations

from collections.abc import Collection

from speakerid.db.engine import Handle
from speakerid.db.repositories import repairs, speakers
from speakerid.types import SpeakerRef


def today(db: Handle, gallery_key: int, speaker_ids: Collection[str]) -> dict[str, SpeakerRef]:
    """By id; somebody who was merged is who they were merged into. Those who were erased are missing."""
    became = {one: one for one in speaker_ids}
    fresh = set(speaker_ids)
    while fresh:
        merges = {row.speaker_id: row.into_id for row in repairs.merges_of(db, gallery_key, fresh)}
        moved = {one: into for one, at in became.items() if (into := merges.get(at))}
        became |= moved
        fresh = set(moved.values())
    names = speakers.names(db, gallery_key, set(became.values()))
    return {one: SpeakerRef(at, names[at]) for one, at in became.items() if at in names}
