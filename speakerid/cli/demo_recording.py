"""The demo's recording: who speaks when in a conversation of two enrolled sample voices and a stranger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speakerid.cli.output import number, say, table
from speakerid.samples.conversation import conversation

if TYPE_CHECKING:
    from speakerid.types import Recording, Turn

PAUSE_S = 0.6
STRANGER = "a stranger"


@dataclass(frozen=True)
class ScriptedTurn:
    """A turn of the script, from `start` to `end` seconds; `voice` is None for the stranger."""

    voice: str | None
    start: float
    end: float


@dataclass(frozen=True)
class ShownTurn:
    """A scripted turn, and who speaks for most of it by the answer: a speaker's name, or `unknown_1`."""

    spoken: ScriptedTurn
    found: str | None

    @property
    def right(self) -> bool:
        """The stranger must be the same unknown voice all along."""
        return self.found == (self.spoken.voice or "unknown_1")


def write(file: Path) -> list[ScriptedTurn]:
    """The conversation as a WAV file."""
    import numpy as np

    from speakerid.audio.decode import decode
    from speakerid.audio.files import read_file
    from speakerid.audio.limits import SAMPLE_RATE_HZ
    from speakerid.audio.wav import wav_bytes

    pause = np.zeros(int(PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    parts, spoken, at = [pause], list[ScriptedTurn](), PAUSE_S
    for line in conversation():
        samples = decode(read_file(line.file))
        end = at + len(samples) / SAMPLE_RATE_HZ
        spoken.append(ScriptedTurn(line.voice, at, end))
        parts += [samples, pause]
        at = end + PAUSE_S
    file.write_bytes(wav_bytes((np.concatenate(parts), SAMPLE_RATE_HZ)))
    return spoken


def lines(spoken: Sequence[ScriptedTurn], recording: Recording) -> list[ShownTurn]:
    return [ShownTurn(one, _most(one, recording.turns)) for one in spoken]


def _most(spoken: ScriptedTurn, turns: Sequence[Turn]) -> str | None:
    seconds: dict[str, float] = {}
    for turn in turns:
        name = turn.speaker.name if turn.speaker else turn.voice
        both = min(turn.end, spoken.end) - max(turn.start, spoken.start)
        if both > 0:
            seconds[name] = seconds.get(name, 0.0) + both
    return max(seconds, key=lambda name: seconds[name]) if seconds else None


def show(shown: Sequence[ShownTurn]) -> None:
    table(
        ("start", "end", "who speaks", "heard", "right?"),
        [
            (
                number(one.spoken.start),
                number(one.spoken.end),
                one.spoken.voice or STRANGER,
                one.found or "–",
                "yes" if one.right else "NO",
            )
            for one in shown
        ],
        title="Who spoke when in one recording",
    )
    wrong = sum(not one.right for one in shown)
    say(f"{wrong} of {len(shown)} are wrong." if wrong else "Everybody was heard rightly.")


def plain(shown: Sequence[ShownTurn]) -> list[dict[str, Any]]:
    return [
        {
            "start": one.spoken.start,
            "end": one.spoken.end,
            "voice": one.spoken.voice,
            "heard": one.found,
            "right": one.right,
        }
        for one in shown
    ]
