"""One stream, from samples to events: speech, windows, speakers, names. Nothing of it outlives the session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from speakerid.audio.conditioning import HighPass
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.quality import clipping_ratio, measure
from speakerid.audio.segmentation import WINDOW
from speakerid.audio.streaming_vad import StreamingVad
from speakerid.diarization.online.clustering import Assigned, AssignOptions, LiveSpeaker, OnlineClustering
from speakerid.diarization.online.utterance import LONGEST, LiveUtterance, LocalSpeakers, WindowOptions
from speakerid.encoders.batching import Batcher
from speakerid.services.live.events import EventMaker
from speakerid.services.live.names import EarlyDecisionOptions, Names, is_decided_early
from speakerid.types import FloatArray, Span, Speech
from speakerid.types.live import Enough, LiveTurn, StreamVoice

Answer = LiveTurn | Enough
KEPT = 30 * SAMPLE_RATE_HZ  # samples, more than a turn has
MEASURED = 15 * SAMPLE_RATE_HZ  # samples that noise and bandwidth are measured in
REMEASURED = 3 * SAMPLE_RATE_HZ  # samples after which they are measured again, at the beginning sooner


@dataclass(frozen=True)
class LivePolicy:
    """Options of a session; `python -m benchmarks.recordings.live` measures what they give."""

    assign: AssignOptions = field(default_factory=AssignOptions)
    early_decision: EarlyDecisionOptions = field(default_factory=EarlyDecisionOptions)
    merge_llr: float = 2.5  # two speakers, by the probes of both, are one from here on


class RingBuffer:
    """The last seconds of a stream, and how good its speech is. Places are samples from the start of the stream."""

    def __init__(self) -> None:
        self._samples = np.zeros(2 * KEPT, np.float32)
        self._first = 0  # place of `_samples[0]`
        self.total = 0
        self._clipped = 0.0  # samples
        self._speech: list[Span] = []
        self._measured: Speech | None = None
        self._measured_at = 0

    def add(self, block: FloatArray, clipping_ratio: float = 0.0) -> None:
        """Append `block`, at most `KEPT` samples."""
        self._clipped += clipping_ratio * len(block)
        end = self.total - self._first + len(block)
        if end > len(self._samples):
            kept = self._samples[self.total - self._first - KEPT : self.total - self._first].copy()
            self._samples[:KEPT] = kept
            self._first = self.total - KEPT
        at = self.total - self._first
        self._samples[at : at + len(block)] = block
        self.total += len(block)

    def samples(self, span: Span) -> FloatArray:
        """A copy of the samples of `span` that are still here."""
        start, end = (max(place - self._first, 0) for place in span)
        return self._samples[start : min(end, self.total - self._first)].copy()

    def mark_speech(self, span: Span) -> None:
        """Note that there is speech in `span`."""
        self._speech.append(span)

    def quality(self, ongoing: Span | None = None) -> Speech:
        """Noise and bandwidth of the last seconds, measured now or a moment ago; `ongoing` is speech too."""
        if self._measured is None or self.total - self._measured_at >= min(self._measured_at // 4, REMEASURED):
            self._measured, self._measured_at = self._measure(ongoing), self.total
        return self._measured

    def _measure(self, ongoing: Span | None) -> Speech:
        begin = max(self.total - MEASURED, 0)
        self._speech = [span for span in self._speech if span[1] > begin]
        spans = self._speech if ongoing is None else [*self._speech, ongoing]
        inside = tuple((max(start, begin) - begin, end - begin) for start, end in spans)
        return measure(self.samples((begin, self.total)), inside, self._clipped / self.total)


class Session:
    """The state of one stream: takes blocks in order and gives the events they cause. For one thread at a time."""

    def __init__(
        self,
        encoder: Batcher,
        vad: StreamingVad,
        local_speakers: LocalSpeakers,
        clustering: OnlineClustering,
        names: Names,
        options: EarlyDecisionOptions,
    ) -> None:
        self._encoder = encoder
        self._vad = vad
        self._local_speakers = local_speakers
        self._clustering = clustering
        self._names = names
        self._early_decision = options
        plain = WindowOptions()
        self._options = replace(plain, shortest=max(plain.shortest, encoder.min_samples))
        self._high_pass = HighPass()
        self._buffer = RingBuffer()
        self._events = EventMaker()
        self._open: LiveUtterance | None = None
        self._last: LiveSpeaker | None = None  # who spoke last
        self._turns = 0

    @property
    def seconds(self) -> float:
        return self._buffer.total / SAMPLE_RATE_HZ

    def process(self, block: FloatArray) -> Iterator[Answer]:
        """The events that `block` causes: (n x 512,) float32 at 16 kHz; the very last one may be shorter."""
        filtered = self._high_pass(block)
        self._buffer.add(filtered, clipping_ratio(block))
        self._vad.process(filtered)
        for span in self._vad.take_ended():
            yield from self._end(span)
        if self._vad.stretch is not None:
            yield from self._go_on(self._vad.stretch)

    def finish(self) -> Iterator[Answer]:
        """End whatever is open."""
        self._vad.finish()
        for start, end in self._vad.take_ended():
            yield from self._end((start, min(end, self._buffer.total)))

    def summary(self) -> tuple[StreamVoice, ...]:
        """All speakers of the stream, as `StreamDone` has them."""
        return self._events.summary(self._clustering.speakers)

    def _end(self, stretch: Span) -> Iterator[Answer]:
        start, end = stretch
        self._buffer.mark_speech(stretch)
        utterance, self._open = self._open or LiveUtterance(start), None
        self._embed(utterance, utterance.rest(end, self._options))
        if utterance.places:
            yield from self._commit(utterance, end, self._clustering.assign(utterance.windows))
        elif self._last is not None and end > utterance.begin:  # a syllable, too short to know whose
            self._last.seconds += (end - utterance.begin) / SAMPLE_RATE_HZ
            yield self._final((utterance.begin, end), self._last)

    def _go_on(self, stretch: Span) -> Iterator[Answer]:
        start, spoken_to = stretch
        utterance = self._open = self._open or LiveUtterance(start)
        due = utterance.due(spoken_to, self._options)
        if not due:
            return
        self._embed(utterance, due)
        assigned = self._clustering.assign(utterance.windows)
        if settled := utterance.settled(assigned.labels):
            before, utterance = utterance.split(settled, self._local_speakers.change)
            yield from self._commit(before, utterance.begin, assigned.first(settled))
            self._open, assigned = utterance, self._clustering.assign(utterance.windows)
        if spoken_to - utterance.begin >= LONGEST:
            yield from self._commit(utterance, spoken_to, assigned)
            self._open = LiveUtterance(spoken_to)
        else:
            yield from self._partial(utterance, spoken_to, assigned)

    def _embed(self, utterance: LiveUtterance, places: Sequence[Span]) -> None:
        if places:
            embeddings = self._encoder.embed([self._buffer.samples(place) for place in places])
            for place, embedding in zip(places, embeddings, strict=True):
                utterance.add(place, embedding)
            total = self._buffer.total
            self._local_speakers.segment(self._buffer.samples((total - WINDOW, total)), total)
            utterance.renumber(self._local_speakers.of)

    def _partial(self, utterance: LiveUtterance, spoken_to: int, assigned: Assigned) -> Iterator[Answer]:
        """The open utterance as it looks now; nothing is learned from it yet."""
        spoken = utterance.spoken(spoken_to, assigned.labels, self._local_speakers.change)
        speakers = {one.cluster: self._clustering.speaker(assigned, one.cluster) for one in spoken}
        known, speaking = self._clustering.speakers, speakers[spoken[-1].cluster]
        more = self._buffer.samples(spoken[-1].span)
        everyone = known if speaking in known else [*known, speaking]
        self._names.judge_ongoing(everyone, speaking, more, self._buffer.quality(self._vad.stretch))
        for nth, one in enumerate(spoken):
            yield self._events.turn(self._turns + nth, one.span, speakers[one.cluster], final=False)
        yield from self._enough(everyone)

    def _commit(self, utterance: LiveUtterance, end: int, assigned: Assigned) -> Iterator[Answer]:
        """Settle `utterance`: speakers learn from it, and its turns are named by all speech so far."""
        spoken = utterance.spoken(end, assigned.labels, self._local_speakers.change)
        speakers = self._clustering.learn(utterance.windows, assigned)
        for one in spoken:
            speakers[one.cluster].add_speech(self._buffer.samples(one.span))
        for speaker in speakers.values():
            self._names.embed(speaker)
        self._merge(speakers)
        self._names.judge(self._clustering.speakers, self._buffer.quality(self._vad.stretch))
        for one in spoken:
            yield self._final(one.span, speakers[one.cluster])
        yield from self._enough(self._clustering.speakers)

    def _merge(self, speakers: dict[int, LiveSpeaker]) -> None:
        """Replace those of `speakers` who turn out to be another one."""
        for speaker in list(speakers.values()):
            if speaker in self._clustering.speakers and (merged := self._clustering.merge(speaker)) is not None:
                kept, gone = merged
                self._names.embed(kept)
                self._last = kept if self._last is gone else self._last
                speakers.update({label: kept for label, one in speakers.items() if one is gone})

    def _final(self, span: Span, speaker: LiveSpeaker) -> LiveTurn:
        turn = self._events.turn(self._turns, span, speaker, final=True)
        speaker.turns.append(self._turns)
        self._last = speaker
        self._turns += 1
        return turn

    def _enough(self, speakers: Sequence[LiveSpeaker]) -> Iterator[Enough]:
        for one in speakers:
            if not one.enough and one.judged is not None and is_decided_early(one.judged, self._early_decision):
                one.enough = True
                yield self._events.enough(one, one.judged, self.seconds)
