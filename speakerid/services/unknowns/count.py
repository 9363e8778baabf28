"""What the hearings of a kept voice have in common: its voiceprint, how often and how long it was heard, and when."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speakerid.db.damage import sound
from speakerid.db.engine import Handle
from speakerid.db.models import UnknownVoiceRow
from speakerid.db.repositories import unknowns
from speakerid.db.repositories.unknowns import Occurrence
from speakerid.scoring.cosine import voiceprint


def again(db: Handle, voice: UnknownVoiceRow) -> None:
    """After a hearing came or went. A voice that was heard nowhere is gone."""
    db.flush()
    heard = unknowns.hearings(db, voice)
    if not heard:
        db.delete(voice)
    else:
        apart = different(heard)
        known = sound((one.row.embedding for one in apart), lambda one: one)
        if known:
            voice.voiceprint = voiceprint(np.stack([one for one in known if one is not None]))
        voice.recordings = len(apart)
        voice.speech_s = sum(one.row.speech_s for one in apart)
        voice.first_heard_at = min(one.recording.created_at for one in heard)
        voice.last_heard_at = max(one.recording.created_at for one in heard)
    db.flush()


def different(heard: Sequence[Occurrence]) -> list[Occurrence]:
    """The longest hearing in each different recording: the same bytes sent twice are one recording."""
    longest: dict[str, Occurrence] = {}
    for one in heard:
        if one.bytes not in longest or one.row.speech_s > longest[one.bytes].row.speech_s:
            longest[one.bytes] = one
    return list(longest.values())
