"""Make voiceprints from the utterances as they are now, by the gallery's policy, and note it for the index."""

from __future__ import annotations

from collections.abc import Sequence

from speakerid.db.engine import Handle
from speakerid.db.models import SpeakerRow
from speakerid.db.repositories import changes, galleries, utterances
from speakerid.scoring.cosine import shares, voiceprint

SPEAKERS_AT_ONCE = 500


def refresh(db: Handle, gallery_key: int, rows: Sequence[SpeakerRow]) -> None:
    """`rows` are speakers of this gallery, held by the caller."""
    db.flush()
    combining = galleries.combining(db, gallery_key)
    for start in range(0, len(rows), SPEAKERS_AT_ONCE):
        some = rows[start : start + SPEAKERS_AT_ONCE]
        heard = utterances.spoken(db, gallery_key, [row.key for row in some])
        for row in some:
            own = heard.get(row.key)
            row.voiceprint = voiceprint(own.embeddings, shares(combining, own.seconds)) if own else None
            row.version += 1
            changes.record(db, gallery_key, row.key)
        db.flush()
