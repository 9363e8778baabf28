"""The demo's recording: who speaks when in a conversation of two enrolled sample voices and a stranger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speakerid.cli.output import number, say, table
from speakerid.samples import conversation

PAUSE_S = 0.6
STRANGER = "a stranger"


@dataclass(frozen=True)
class ScriptedTurn:
    """What was said, from `start` to `end` seconds; `voice` is None for the stranger."""

    voice: str | None
    start: float
    end: float


@dataclass(frozen=True)
class ShownTurn:
    """And what the answer calls whoever speaks for most of it: a speaker's name, or `unknown_1`."""

    spoken: ScriptedTurn
    heard: str | None

    @property
    def right(self) -> bool:
        """The stranger must be the same unknown voice all along."""
        return self.heard == (self.spoken.voice or "unknown_1")


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
        spoken.append(ScriptedTurn(line.speaker, at, end))
        parts += [samples, pause]
        at = end + PAUSE_S
    file.write_bytes(wav_bytes((np.concatenate(parts), SAMPLE_RATE_HZ)))
    return spoken


def lines(spoken: Sequence[ScriptedTurn], recording: dict[str, Any]) -> list[ShownTurn]:
    """`recording`: the API's answer."""
    return [ShownTurn(one, _most(one, recording["turns"])) for one in spoken]


def _most(spoken: ScriptedTurn, turns: Sequence[dict[str, Any]]) -> str | None:
    seconds: dict[str, float] = {}
    for turn in turns:
        name = turn["speaker"]["name"] if turn["speaker"] else turn["voice"]
        both = min(turn["end"], spoken.end) - max(turn["start"], spoken.start)
        if both > 0:
            seconds[name] = seconds.get(name, 0.0) + both
    return max(seconds, key=lambda name: seconds[name]) if seconds else None


def show(found: Sequence[ShownTurn]) -> None:
    table(
        ("start", "end", "who speaks", "heard", "right?"),
        [
            (
                number(one.spoken.start),
                number(one.spoken.end),
                one.spoken.voice or STRANGER,
                one.heard or "–",
                "yes" if one.right else "NO",
            )
            for one in found
        ],
        title="Who spoke when in one recording",
    )
    wrong = sum(not one.right for one in found)
    say(f"{wrong} of {len(found)} are wrong." if wrong else "Everybody was heard rightly.")


def plain(found: Sequence[ShownTurn]) -> list[dict[str, Any]]:
    return [
        {
            "start": one.spoken.start,
            "end": one.spoken.end,
            "voice": one.spoken.voice,
            "heard": one.heard,
            "right": one.right,
        }
        for one in found
    ]
