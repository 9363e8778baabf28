"""A conversation put together from the sample probes: two enrolled voices and a stranger, one after another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from speakerid import samples


@dataclass(frozen=True)
class ConversationLine:
    """What one of them says; `voice` is None for the stranger."""

    voice: str | None
    file: Path


def conversation() -> list[ConversationLine]:
    first, second = list(samples.voices().items())[:2]
    known = [[ConversationLine(name, file) for file in voice.probes] for name, voice in (first, second)]
    strange = [ConversationLine(None, file) for file in samples.stranger()]
    return [known[0][0], known[1][0], strange[0], known[0][1], strange[1], known[1][1]]
