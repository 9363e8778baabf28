"""What was said since the last pause or settled change of speaker: its windows, as they become due."""

from __future__ import annotations

from dataclasses import dataclass, field

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.diarization.clustering import Labels
from speakerid.diarization.turns import Talk, turns
from speakerid.diarization.windows import WindowOptions
from speakerid.scoring.sides import Side
from speakerid.services.live.voices import windows_side
from speakerid.types import FloatArray, Span

SETTLED = 2  # windows of the next speaker after which a change stands
LONGEST = 15 * SAMPLE_RATE_HZ  # samples; who goes on without a pause begins a new turn


@dataclass
class Utterance:
    """`begin` in samples from the start of the stream."""

    begin: int
    places: list[Span] = field(default_factory=list)
    embeddings: list[FloatArray] = field(default_factory=list)

    def due(self, spoken_to: int, options: WindowOptions) -> list[Span]:
        """Windows that are full by now and not taken yet."""
        start = self.places[-1][0] + options.hop if self.places else self.begin
        return [(at, at + options.length) for at in range(start, spoken_to - options.length + 1, options.hop)]

    def rest(self, end: int, options: WindowOptions) -> list[Span]:
        """All that is left when it has ended: the last window ends with it. None where that would be too short."""
        due = self.due(end, options)
        taken = due[-1][1] if due else self.places[-1][1] if self.places else self.begin
        last = (max(self.begin, end - options.length), end)
        first = not due and not self.places
        new = end - taken >= (options.shortest if first else options.hop // 4)
        return [*due, last] if new else due

    def add(self, place: Span, embedding: FloatArray) -> None:
        self.places.append(place)
        self.embeddings.append(embedding)

    @property
    def windows(self) -> Side:
        return windows_side(self.embeddings, [(end - start) / SAMPLE_RATE_HZ for start, end in self.places])

    def talks(self, end: int, labels: Labels) -> list[Talk]:
        """Turns up to `end`, by the voice of each window."""
        return turns([(self.begin, end)], self.places, labels)

    def settled(self, labels: Labels) -> int:
        """How many windows lie before the last change of speaker that stands."""
        changes = [nth for nth in range(1, len(labels)) if labels[nth] != labels[nth - 1]]
        return max((nth for nth in changes if len(labels) - nth >= SETTLED), default=0)

    def split(self, window: int) -> tuple[Utterance, Utterance]:
        """At the change of speaker before this window: halfway between its center and that of the one before."""
        (a, b), (c, d) = self.places[window - 1], self.places[window]
        border = ((a + b) // 2 + (c + d) // 2) // 2
        before = Utterance(self.begin, self.places[:window], self.embeddings[:window])
        return before, Utterance(border, self.places[window:], self.embeddings[window:])
