"""One utterance of a stream, from a pause or settled change of speaker on: its windows and who speaks in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.segmentation import FRAME_STEP, WINDOW, Segmenter, frame_at
from speakerid.diarization.clustering import Evidence, Labels
from speakerid.diarization.reconstruction import ClusterTurn
from speakerid.diarization.segments import matching
from speakerid.types import FloatArray, Span

SETTLED = 2  # windows of the next speaker after which a change stands
LONGEST = 15 * SAMPLE_RATE_HZ  # samples; who goes on without a pause begins a new turn
REACH = SAMPLE_RATE_HZ  # samples from where windows find a change of speaker to where segmentation may find it
UNNUMBERED = -1
Border = Callable[[int, int], int]  # a place and a reach -> the change of speaker nearest to it


@dataclass(frozen=True)
class WindowOptions:
    """Windows of an utterance, in samples at 16 kHz."""

    length: int = 24_000  # 1.5 s: shorter ones separate speakers badly, longer ones hold two of them
    hop: int = 8_000
    shortest: int = 4_800  # what is shorter follows its neighbors


@dataclass
class LiveUtterance:
    """Windows with their embeddings; `begin` in samples from the start of the stream."""

    begin: int
    places: list[Span] = field(default_factory=list)
    embeddings: list[FloatArray] = field(default_factory=list)
    numbers: list[int | None] = field(default_factory=list)  # of speakers, by segmentation

    def due(self, spoken_to: int, options: WindowOptions) -> list[Span]:
        """Windows that are full by now and not taken yet."""
        start = self.places[-1][0] + options.hop if self.places else self.begin
        return [(at, at + options.length) for at in range(start, spoken_to - options.length + 1, options.hop)]

    def rest(self, end: int, options: WindowOptions) -> list[Span]:
        """Windows that are left when it has ended: the last window ends with it. None where that would be too short."""
        due = self.due(end, options)
        taken = due[-1][1] if due else self.places[-1][1] if self.places else self.begin
        last = (max(self.begin, end - options.length), end)
        first = not due and not self.places
        new = end - taken >= (options.shortest if first else options.hop // 4)
        return [*due, last] if new else due

    def add(self, place: Span, embedding: FloatArray) -> None:
        self.places.append(place)
        self.embeddings.append(embedding)
        self.numbers.append(None)

    def renumber(self, speaker: Callable[[Span], int | None]) -> None:
        """Ask anew who speaks in each window; what is no longer known stays."""
        for nth, place in enumerate(self.places):
            found = speaker(place)
            self.numbers[nth] = self.numbers[nth] if found is None else found

    @property
    def windows(self) -> Evidence:
        seconds = np.array(self.places, np.float64) / SAMPLE_RATE_HZ
        numbers = np.array([UNNUMBERED if one is None else one for one in self.numbers], np.intp)
        known = UNNUMBERED not in numbers
        lengths = seconds[:, 1] - seconds[:, 0]
        return Evidence(np.stack(self.embeddings), lengths, seconds[:, 0], seconds[:, 1], numbers if known else None)

    def spoken(self, end: int, labels: Labels, border: Border) -> list[ClusterTurn]:
        """Who speaks up to `end`, by the cluster of each window."""
        return list(self._spoken(end, labels, border))

    def _spoken(self, end: int, labels: Labels, border: Border) -> Iterator[ClusterTurn]:
        start = self.begin
        for window in range(1, len(labels)):
            if labels[window] != labels[window - 1]:
                at = border(self._between(window), REACH)
                at = at if start < at < end else self._between(window)
                yield ClusterTurn((start, at), int(labels[window - 1]))
                start = at
        yield ClusterTurn((start, end), int(labels[-1]))

    def settled(self, labels: Labels) -> int:
        """How many windows lie before the last change of speaker that stands."""
        changes = [nth for nth in range(1, len(labels)) if labels[nth] != labels[nth - 1]]
        return max((nth for nth in changes if len(labels) - nth >= SETTLED), default=0)

    def split(self, window: int, border: Border) -> tuple[LiveUtterance, LiveUtterance]:
        """Split at the change of speaker before this window."""
        before = LiveUtterance(self.begin, self.places[:window], self.embeddings[:window], self.numbers[:window])
        at = max(border(self._between(window), REACH), self.begin + 1)
        return before, LiveUtterance(at, self.places[window:], self.embeddings[window:], self.numbers[window:])

    def _between(self, window: int) -> int:
        """Halfway between the center of this window and that of the one before."""
        (a, b), (c, d) = self.places[window - 1], self.places[window]
        return ((a + b) // 2 + (c + d) // 2) // 2


class LocalSpeakers:
    """Speakers that segmentation finds in the last ten seconds of a stream, numbered alike as time goes on.

    Places are samples from the start of the stream.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self._start = 0
        self._speaking: FloatArray | None = None

    def segment(self, samples: FloatArray, end: int) -> None:
        """Segment `samples`, the last ones up to `WINDOW`, which end at `end`."""
        if self._segmenter.speakers == 1:
            return
        start, window = end - WINDOW, np.pad(samples, (WINDOW - len(samples), 0))
        found = self._segmenter.speaking(window[None])[0]
        moved = round((start - self._start) / FRAME_STEP)
        if self._speaking is not None and moved < len(found):
            found = found[:, matching(self._speaking[moved:], found[: len(found) - moved])]
        self._start, self._speaking = start, found

    def of(self, place: Span) -> int | None:
        """Who speaks most in `place`; None where that is not known."""
        start, end = place
        if self._speaking is None or start < self._start:
            return None
        speaking = self._speaking[self._frame(start) : self._frame(end)].sum(axis=0)
        return int(speaking.argmax()) if speaking.any() else None

    def change(self, near: int, reach: int) -> int:
        """The change of speaker nearest to the place `near`, or `near` itself where there is none within `reach`."""
        if self._speaking is None:
            return near
        first = self._frame(near - reach)
        leading = self._speaking[first : self._frame(near + reach)]
        who = leading.argmax(axis=1)[leading.any(axis=1)]
        frames = np.flatnonzero(leading.any(axis=1))
        places = [
            self._start + (first + int(frames[nth])) * FRAME_STEP + FRAME_STEP for nth in np.flatnonzero(np.diff(who))
        ]
        return min(places, key=lambda place: abs(place - near), default=near)

    def _frame(self, place: int) -> int:
        """The first one for all that is before the window."""
        return max(frame_at(place - self._start), 0)
