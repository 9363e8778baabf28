"""Who speaks when: RTTM files (NIST Rich Transcription), and UEM files, which say what part of a recording counts."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from speakerid.evaluation.errors import EmptyList, ListMissing, NotRttm, NotUem
from speakerid.evaluation.trials.table import decoded, read_bytes

SPEAKER = "SPEAKER"
OTHERS = {  # of the format, but not about who speaks
    "SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "SU", "IP", "CB",
    "A/P", "SPKR-INFO",
}  # fmt: skip
COMMENT = ";;"


@dataclass(frozen=True, order=True)
class RttmTurn:
    """In seconds."""

    speaker: str
    start: float
    end: float


@dataclass(frozen=True)
class Diarized:
    """The turns of recordings by their names; no turns where a file is there and says that nobody speaks."""

    name: str
    sha256: str  # of the files, one after the other
    turns: dict[str, tuple[RttmTurn, ...]]

    @property
    def speakers(self) -> set[str]:
        return {turn.speaker for turns in self.turns.values() for turn in turns}


def read_rttm(path: Path) -> Diarized:
    """A file of any number of recordings, or a folder of `.rttm` files. Raises ListMissing, EmptyList, NotRttm."""
    files = sorted(path.rglob("*.rttm")) if path.is_dir() else [path]
    if not files:
        raise ListMissing(f"{str(path)!r} holds no .rttm file. Give an RTTM file or a folder of them.")
    digest, found = hashlib.sha256(), dict[str, list[RttmTurn]]()
    for file in files:
        content = read_bytes(file)
        digest.update(content)
        spoken = [(fields[1], turn) for line, fields in _lines(file, content) if (turn := _turn(file, line, fields))]
        if not spoken and not path.is_dir():
            raise EmptyList(file)
        for recording, turn in spoken:
            found.setdefault(recording, []).append(turn)
        if not spoken:
            found.setdefault(file.stem, [])
    return Diarized(path.name, digest.hexdigest(), {name: _merged(turns) for name, turns in sorted(found.items())})


def read_uem(path: Path) -> dict[str, list[tuple[float, float]]]:
    """`recording channel start end` a line: the seconds that count. Raises ListMissing, EmptyList, NotUem."""
    found = dict[str, list[tuple[float, float]]]()
    for line, fields in _lines(path, read_bytes(path)):
        start, end = _seconds(fields[2:4]) if len(fields) == 4 else (math.nan, math.nan)
        if not 0.0 <= start < end:
            raise NotUem(path, line)
        found.setdefault(fields[0], []).append((start, end))
    if not found:
        raise EmptyList(path)
    return found


def _lines(path: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    for line, text in enumerate(decoded(path, content), 1):
        if (fields := text.split()) and not text.startswith(COMMENT):
            yield line, fields


def _turn(path: Path, line: int, fields: Sequence[str]) -> RttmTurn | None:
    """None for lines about something else. Raises NotRttm."""
    if fields[0] in OTHERS:
        return None
    if fields[0] != SPEAKER or len(fields) not in (8, 9, 10):
        raise NotRttm(path, line)
    start, duration = _seconds(fields[3:5])
    if not (start >= 0.0 and duration >= 0.0):
        raise NotRttm(path, line)
    return RttmTurn(fields[7], start, start + duration)


def _seconds(texts: Sequence[str]) -> tuple[float, float]:
    """NaN for what is no finite number."""
    try:
        one, other = (float(text) for text in texts)
    except ValueError:
        return math.nan, math.nan
    return (one, other) if math.isfinite(one + other) else (math.nan, math.nan)


def _merged(turns: Sequence[RttmTurn]) -> tuple[RttmTurn, ...]:
    """Overlapping turns of one speaker are one: nobody speaks twice at a time."""
    found = list[RttmTurn]()
    for turn in sorted(turns):
        last = found[-1] if found else None
        if last is not None and last.speaker == turn.speaker and turn.start < last.end:
            found[-1] = RttmTurn(last.speaker, last.start, max(last.end, turn.end))
        else:
            found.append(turn)
    return tuple(found)
