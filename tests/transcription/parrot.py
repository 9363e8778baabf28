"""A transcriber for tests: it hears a word wherever there is speech, and only English."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from speakerid.errors import TranscriptionRefused
from speakerid.types import FloatArray, Hints, Passage, Span, Transcript, Word

RATE_HZ = 16_000


@dataclass
class Parrot:
    """Says `word` once in each stretch of speech."""

    asked: list[tuple[int, Sequence[Span], Hints]] = field(default_factory=list)

    def load(self) -> None: ...

    def check(self, hints: Hints) -> None:
        if hints.language not in (None, "en"):
            raise TranscriptionRefused("language", "only English is known.")

    def transcript(self, samples: FloatArray, speech: Sequence[Span], hints: Hints) -> Transcript:
        self.asked.append((len(samples), speech, hints))
        words = tuple(Word(a / RATE_HZ, b / RATE_HZ, f" word{nth}") for nth, (a, b) in enumerate(speech))
        passage = Passage(0.0, 1.0, "".join(one.text for one in words), words, (), 0, 0.0, 0.0, 1.0, 0.0)
        return Transcript(len(samples) / RATE_HZ, "en", (passage,))
