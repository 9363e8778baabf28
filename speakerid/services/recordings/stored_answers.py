"""The answer as it is stored, with speakers by id only, and as it is told, with the names they have then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from speakerid.errors import DataDamaged
from speakerid.types import RecordedVoice, Recording, SpeakerRef, Turn, from_json, to_json

Known = Mapping[str, SpeakerRef]  # who each id of the answer is today; those who were erased are missing
GONE = "The speaker of this voice was erased."
UNKNOWN = "unknown_"


def stored(recording: Recording) -> dict[str, Any]:
    """JSON values without a name."""
    nameless = {one: SpeakerRef(one, "") for one in speaker_ids(recording)}
    values: dict[str, Any] = to_json(told(recording, nameless))
    return values


def loaded(values: dict[str, Any]) -> Recording:
    """As it was stored: every name is empty. Raises DataDamaged."""
    try:
        return from_json(Recording, values)
    except ValueError:
        raise DataDamaged("the result of this recording") from None


def speaker_ids(recording: Recording) -> set[str]:
    """Of all whom it names or weighs."""
    named = {voice.speaker.id for voice in recording.voices if voice.speaker}
    return named | {one.speaker.id for voice in recording.voices for one in voice.candidates}


def told(recording: Recording, known: Known) -> Recording:
    """The voices of those who are not `known` are unknown, numbered behind the others in order of appearance."""
    numbers = count(1 + max((_number(voice.voice) for voice in recording.voices), default=0))
    labels = {voice.voice: _label(voice, known, numbers) for voice in recording.voices}
    return replace(
        recording,
        voices=tuple(_voice(voice, labels[voice.voice], known) for voice in recording.voices),
        turns=tuple(_turn(turn, labels[turn.voice], known) for turn in recording.turns),
    )


def _label(voice: RecordedVoice, known: Known, numbers: count[int]) -> str:
    if voice.speaker is None:
        return voice.voice
    today = known.get(voice.speaker.id)
    return today.id if today else f"{UNKNOWN}{next(numbers)}"


def _voice(voice: RecordedVoice, label: str, known: Known) -> RecordedVoice:
    candidates = tuple(
        replace(one, speaker=known[one.speaker.id]) for one in voice.candidates if one.speaker.id in known
    )
    voice = replace(voice, voice=label, candidates=candidates)
    if voice.speaker is None:
        return voice
    today = known.get(voice.speaker.id)
    return replace(voice, speaker=today) if today else replace(voice, speaker=None, decision="unknown", reason=GONE)


def _turn(turn: Turn, label: str, known: Known) -> Turn:
    today = known.get(turn.speaker.id) if turn.speaker else None
    told = replace(turn, voice=label, speaker=today)
    return told if today else replace(told, llr=None, probability=None)


def _number(label: str) -> int:
    number = label.removeprefix(UNKNOWN)
    return int(number) if number.isdecimal() else 0
