"""Tell, in the answer to a past recording, which unnamed voices are kept, and who was promoted since."""

from __future__ import annotations

from dataclasses import replace

from speakerid.db.engine import Handle
from speakerid.db.models import RecordingRow
from speakerid.db.repositories import unknowns
from speakerid.db.repositories.unknowns import Whose
from speakerid.timeline import RecordedVoice, Recording, Turn

PROMOTED = "Unknown then. The speaker was enrolled from this recording later."


def identified(db: Handle, row: RecordingRow, answer: Recording) -> Recording:
    """The answer as it is told today, but for these voices."""
    whose = unknowns.whose(db, row.key)
    return replace(
        answer,
        voices=tuple(_voice(one, whose.get(one.voice)) for one in answer.voices),
        turns=tuple(_turn(one, whose.get(one.voice)) for one in answer.turns),
    )


def _voice(voice: RecordedVoice, whose: Whose | None) -> RecordedVoice:
    if whose is None:
        return voice
    if whose.speaker is None:
        return replace(voice, unknown_id=whose.unknown_id)
    return replace(voice, decision="accept", speaker=whose.speaker, reason=PROMOTED)


def _turn(turn: Turn, whose: Whose | None) -> Turn:
    return turn if whose is None else replace(turn, speaker=whose.speaker)
