"""One stream, from samples to events: speech, windows, voices, names. Nothing of it outlives the session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from speakerid.audio.conditioning import HighPass
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.quality import clipping_ratio
from speakerid.audio.segmentation import WINDOW
from speakerid.audio.streaming_vad import StreamingVad
from speakerid.encoders.batching import Batcher
from speakerid.services.live.answers import Answers
from speakerid.services.live.assign import Assigned, AssignOptions
from speakerid.services.live.early_decision import EarlyDecisionOptions, is_decided_early
from speakerid.services.live.live_speaker import LiveVoice
from speakerid.services.live.local_speakers import LocalSpeakers
from speakerid.services.live.names import Names
from speakerid.services.live.online_clustering import OnlineClustering
from speakerid.services.live.ring_buffer import RingBuffer
from speakerid.services.live.utterance import LONGEST, LiveUtterance, WindowOptions
from speakerid.types import FloatArray, Span
from speakerid.types.live import Enough, LiveTurn, StreamVoice

Answer = LiveTurn | Enough


@dataclass(frozen=True)
class LivePolicy:
    """`python -m benchmarks.recordings.live` measures what these give."""

    assign: AssignOptions = field(default_factory=AssignOptions)
    early_decision: EarlyDecisionOptions = field(default_factory=EarlyDecisionOptions)
    merge_llr: float = 2.5  # two voices, by the probes of both, are one from here on


class Session:
    """Takes blocks in order; its methods give the events they cause. For one thread at a time."""

    def __init__(
        self,
        encoder: Batcher,
        speech: StreamingVad,
        numbers: LocalSpeakers,
        clustering: OnlineClustering,
        names: Names,
        options: EarlyDecisionOptions,
    ) -> None:
        self._encoder = encoder
        self._ongoing = speech
        self._numbers = numbers
        self._clustering = clustering
        self._names = names
        self._early_decision = options
        plain = WindowOptions()
        self._options = replace(plain, shortest=max(plain.shortest, encoder.min_samples))
        self._high_pass = HighPass()
        self._recent = RingBuffer()
        self._answers = Answers()
        self._open: LiveUtterance | None = None
        self._last: LiveVoice | None = None  # who spoke last
        self._turns = 0

    @property
    def seconds(self) -> float:
        return self._recent.total / SAMPLE_RATE_HZ

    def hear(self, block: FloatArray) -> Iterator[Answer]:
        """`block`: (n x 512,) float32 at 16 kHz; the very last one may be shorter."""
        filtered = self._high_pass(block)
        self._recent.add(filtered, clipping_ratio(block))
        self._ongoing.hear(filtered)
        for span in self._ongoing.take_ended():
            yield from self._end(span)
        if self._ongoing.stretch is not None:
            yield from self._go_on(self._ongoing.stretch)

    def finish(self) -> Iterator[Answer]:
        """Whatever is open ends here."""
        self._ongoing.finish()
        for start, end in self._ongoing.take_ended():
            yield from self._end((start, min(end, self._recent.total)))

    def heard(self) -> tuple[StreamVoice, ...]:
        return self._answers.heard(self._clustering.voices)

    def _end(self, stretch: Span) -> Iterator[Answer]:
        start, end = stretch
        self._recent.spoken(stretch)
        said, self._open = self._open or LiveUtterance(start), None
        self._embed(said, said.rest(end, self._options))
        if said.places:
            yield from self._commit(said, end, self._clustering.assign(said.windows))
        elif self._last is not None and end > said.begin:  # a syllable, too short to tell whose
            self._last.seconds += (end - said.begin) / SAMPLE_RATE_HZ
            yield self._final((said.begin, end), self._last)

    def _go_on(self, stretch: Span) -> Iterator[Answer]:
        start, spoken_to = stretch
        said = self._open = self._open or LiveUtterance(start)
        due = said.due(spoken_to, self._options)
        if not due:
            return
        self._embed(said, due)
        assigned = self._clustering.assign(said.windows)
        if settled := said.settled(assigned.labels):
            before, said = said.split(settled, self._numbers.change)
            yield from self._commit(before, said.begin, assigned.first(settled))
            self._open, assigned = said, self._clustering.assign(said.windows)
        if spoken_to - said.begin >= LONGEST:
            yield from self._commit(said, spoken_to, assigned)
            self._open = LiveUtterance(spoken_to)
        else:
            yield from self._partial(said, spoken_to, assigned)

    def _embed(self, said: LiveUtterance, places: Sequence[Span]) -> None:
        if places:
            embeddings = self._encoder.embed([self._recent.samples(place) for place in places])
            for place, embedding in zip(places, embeddings, strict=True):
                said.add(place, embedding)
            total = self._recent.total
            self._numbers.hear(self._recent.samples((total - WINDOW, total)), total)
            said.number(self._numbers.of)

    def _partial(self, said: LiveUtterance, spoken_to: int, assigned: Assigned) -> Iterator[Answer]:
        """How it looks now; nothing is learned from it yet."""
        spoken = said.spoken(spoken_to, assigned.labels, self._numbers.change)
        voices = {one.cluster: self._clustering.voice(assigned, one.cluster) for one in spoken}
        known, speaking = self._clustering.voices, voices[spoken[-1].cluster]
        more = self._recent.samples(spoken[-1].span)
        everybody = known if speaking in known else [*known, speaking]
        self._names.judge_ongoing(everybody, speaking, more, self._recent.quality(self._ongoing.stretch))
        for nth, one in enumerate(spoken):
            yield self._answers.turn(self._turns + nth, one.span, voices[one.cluster], final=False)
        yield from self._enough(everybody)

    def _commit(self, said: LiveUtterance, end: int, assigned: Assigned) -> Iterator[Answer]:
        """It stands: voices learn from it, and its turns are named by all that was heard."""
        spoken = said.spoken(end, assigned.labels, self._numbers.change)
        voices = self._clustering.learn(said.windows, assigned)
        for one in spoken:
            voices[one.cluster].say(self._recent.samples(one.span))
        for voice in voices.values():
            self._names.hear(voice)
        self._merge(voices)
        self._names.judge(self._clustering.voices, self._recent.quality(self._ongoing.stretch))
        for one in spoken:
            yield self._final(one.span, voices[one.cluster])
        yield from self._enough(self._clustering.voices)

    def _merge(self, voices: dict[int, LiveVoice]) -> None:
        """Those of `voices` that turn out to be another one are replaced by it."""
        for voice in list(voices.values()):
            if voice in self._clustering.voices and (merged := self._clustering.merge(voice)) is not None:
                kept, gone = merged
                self._names.hear(kept)
                self._last = kept if self._last is gone else self._last
                voices.update({label: kept for label, one in voices.items() if one is gone})

    def _final(self, span: Span, voice: LiveVoice) -> LiveTurn:
        turn = self._answers.turn(self._turns, span, voice, final=True)
        voice.turns.append(self._turns)
        self._last = voice
        self._turns += 1
        return turn

    def _enough(self, voices: Sequence[LiveVoice]) -> Iterator[Enough]:
        for voice in voices:
            if not voice.enough and voice.judged is not None and is_decided_early(voice.judged, self._early_decision):
                voice.enough = True
                yield self._answers.enough(voice, voice.judged, self.seconds)
