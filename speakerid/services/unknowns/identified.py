"""Tell, in the answer to a past recording, which unnamed voices are kept, and who was promoted since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from speakerid.db.engine import Handle
from speakerid.db.models import RecordingRow
from speakerid.db.repositories import unknowns
from speakerid.db.repositories.unknowns import Whose
from speakerid.types import RecordedVoice, Recording, Turn

PROMOTED = "Unknown then. The speaker was enrolled from this recording later."


def identified(db: Handle, row: RecordingRow, answer: Recording) -> Recording:
    """The answer as it is told today, but for these voices."""
    whose = unknowns.whose(db, row.key)
    labels = _labels(answer, whose)
    return replace(
        answer,
        voices=tuple(_voice(one, labels[one.voice], whose.get(one.voice)) for one in answer.voices),
        turns=tuple(_turn(one, labels[one.voice], whose.get(one.voice)) for one in answer.turns),
    )


def _labels(answer: Recording, whose: Mapping[str, Whose]) -> dict[str, str]:
    """The speaker's id for a promoted voice, as for every named one; two voices of one speaker keep theirs apart."""
    labels = {one.voice: one.voice for one in answer.voices}
    for label in labels:
        speaker = whose[label].speaker if label in whose else None
        if speaker is not None and speaker.id not in labels.values():
            labels[label] = speaker.id
    return labels


def _voice(voice: RecordedVoice, label: str, whose: Whose | None) -> RecordedVoice:
    if whose is None:
        return voice
    if whose.speaker is None:
        return replace(voice, unknown_id=whose.unknown_id)
    return replace(voice, voice=label, decision="accept", speaker=whose.speaker, reason=PROMOTED)


def _turn(turn: Turn, label: str, whose: Whose | None) -> Turn:
    return turn if whose is None else replace(turn, voice=label, speaker=whose.speaker)
