"""What was said, and by whom."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hints:
    """What the caller knows of the words. None leaves it to the transcriber."""

    language: str | None = None  # ISO 639-1
    prompt: str | None = None  # text that may stand before
    temperature: float | None = None  # of sampling, 0..1


@dataclass(frozen=True)
class Word:
    """In seconds from the start of the recording; `text` with the blank in front of it, where there is one."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Passage:
    """What the transcriber found in one go: about a sentence. Its figures are Whisper's own."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...]
    tokens: tuple[int, ...]
    seek: int  # hundredths of a second to the window that it was found in
    temperature: float
    average_log_probability: float
    compression_ratio: float
    no_speech_probability: float


@dataclass(frozen=True)
class Transcript:
    """What was said in a recording of so many `seconds`."""

    seconds: float
    language: str | None  # ISO 639-1; None where nothing was said
    passages: tuple[Passage, ...]

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for passage in self.passages for word in passage.words)

    @property
    def text(self) -> str:
        return "".join(one.text for one in self.passages).strip()


@dataclass(frozen=True)
class SpokenTurn:
    """Who speaks, from when to when, and their words; empty where there is no transcriber, or none were understood."""

    start: float
    end: float
    speaker: str
    text: str


@dataclass(frozen=True)
class DiarizedTranscript:
    """Who said what in a recording of so many `seconds`."""

    seconds: float
    turns: tuple[SpokenTurn, ...]  # by start

    @property
    def text(self) -> str:
        return " ".join(one.text for one in self.turns if one.text)
