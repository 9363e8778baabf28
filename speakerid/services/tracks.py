"""From one side of a recording to its voices: speech, windows, embeddings, clusters, turns. No names yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.recorder import LongAudio
from speakerid.diarization.borders import BorderOptions, borders, cut_at, moved
from speakerid.diarization.turns import Talk, cut, turns
from speakerid.diarization.windows import WindowOptions, joined, windows
from speakerid.encoders.batching import Batcher
from speakerid.scoring.scorer import Scorer
from speakerid.scoring.sides import Side
from speakerid.services.engine import Engine
from speakerid.services.hearing import embed, embedded, sides
from speakerid.services.telling_apart import by_turns, by_windows, voices_of
from speakerid.timeline import JobStage
from speakerid.types import FloatArray, Span, Speech

LONG = 2 * SAMPLE_RATE_HZ  # samples of a turn that is long enough to know a voice by
LONGEST = 10 * SAMPLE_RATE_HZ  # samples; longer turns are heard in parts
PROBE = 20 * SAMPLE_RATE_HZ  # samples of a voice, its longest turns, that are embedded as one probe

At = Callable[[JobStage], None]  # called when a stage of the work begins


@dataclass(frozen=True)
class Track:
    """One side of a recording. `speech[v]` and row v of `probes (v, dim)` belong to voice v of `talks`.

    Row t of `heard (t, dim)` is the embedding of talk t, zeros where that is too short for one.
    """

    channel: int | None
    seconds: float
    talks: tuple[Talk, ...]
    speech: tuple[Speech, ...]
    probes: FloatArray
    heard: FloatArray


def listen(
    engine: Engine, scorer: Scorer, audio: LongAudio, channel: int | None, speakers: int | None, at: At
) -> Track:
    """`speakers`: at most how many, where that is known. Raises AudioError, Overloaded, EncoderFailed."""
    at("speech")
    spoken = engine.recorder.find_speech(audio)
    seconds = spoken.total / SAMPLE_RATE_HZ
    options = WindowOptions()
    options = replace(options, shortest=max(options.shortest, engine.encoder.min_samples))
    stretches = list(joined(spoken.segments, options.longest_pause))
    places = windows(stretches, options)
    if not places:
        nothing = np.zeros((0, engine.encoder.dim), np.float32)
        return Track(channel, seconds, (), (), nothing, nothing)
    quality = engine.recorder.quality(audio, spoken)
    at("embeddings")
    clusters, heard = engine.policy.clusters, sides(places, embedded(engine.encoder, audio, places))
    at("clusters")
    labels = by_windows(scorer, heard, clusters)
    long = [one.span for one in cut(turns(stretches, places, labels), LONGEST) if _length(one.span) >= LONG]
    known = dict(zip(long, embedded(engine.encoder, audio, long), strict=True))
    if long:
        labels = by_turns(scorer, heard, sides(long, np.stack(list(known.values()))), clusters, speakers)
    elif speakers is not None:
        labels = by_windows(scorer, heard, clusters, speakers)
    labels = np.unique(labels, return_inverse=True)[1]
    found = turns(stretches, places, labels)
    found = _with_borders(engine.encoder, scorer, audio, found, voices_of(heard, labels))
    talks = tuple(cut(_in_order(found), LONGEST))
    speech = tuple(replace(quality, seconds=_seconds(talks, voice)) for voice in range(_count(talks)))
    at("names")
    each, probes = _heard(engine.encoder, audio, talks, known, options.shortest)
    return Track(channel, seconds, talks, speech, probes, each)


def seconds_of(talk: Talk) -> float:
    return _length(talk.span) / SAMPLE_RATE_HZ


def _with_borders(
    encoder: Batcher, scorer: Scorer, audio: LongAudio, talks: Sequence[Talk], voices: Side
) -> list[Talk]:
    """The same, looked at more closely where one voice follows another; row v of `voices` is voice v."""
    options = BorderOptions()
    options = replace(options, length=max(options.length, encoder.min_samples))
    found = borders(talks, options)
    if not found:
        return list(talks)
    spans = sorted({span for one in found for span in one.windows})
    rows = dict(zip(spans, range(len(spans)), strict=True))
    llrs = scorer.compare(sides(spans, embedded(encoder, audio, spans)), voices).llrs
    cuts = {}
    for one in found:
        own = llrs[[rows[span] for span in one.windows]]
        cuts[one.after] = cut_at(one.windows, own[:, talks[one.after - 1].voice] - own[:, talks[one.after].voice])
    return moved(talks, cuts)


def _in_order(talks: Sequence[Talk]) -> list[Talk]:
    """Voices numbered by first appearance."""
    numbers: dict[int, int] = {}
    return [replace(talk, voice=numbers.setdefault(talk.voice, len(numbers))) for talk in talks]


def _heard(
    encoder: Batcher, audio: LongAudio, talks: Sequence[Talk], known: Mapping[Span, FloatArray], shortest: int
) -> tuple[FloatArray, FloatArray]:
    """Each talk by itself, `(t, dim)`, and each voice's longest ones as one probe, `(v, dim)`."""
    chosen = {talk for voice in range(_count(talks)) for talk in _longest(talks, voice)}
    parts: list[list[FloatArray]] = [[] for _ in range(_count(talks))]
    heard = np.zeros((len(talks), encoder.dim), np.float32)
    for row, (talk, samples) in enumerate(zip(talks, audio.spans([talk.span for talk in talks]), strict=True)):
        if talk in chosen:
            parts[talk.voice].append(samples)
        if talk.span in known:
            heard[row] = known[talk.span]
        elif len(samples) >= shortest:
            heard[row] = embed(encoder, [samples])[0]
    return heard, np.concatenate([embed(encoder, [np.concatenate(one)]) for one in parts])


def _longest(talks: Sequence[Talk], voice: int) -> Iterator[Talk]:
    """At least one; together at most `PROBE` samples and a talk."""
    room = PROBE
    for talk in sorted((one for one in talks if one.voice == voice), key=lambda one: -_length(one.span)):
        if room <= 0:
            return
        yield talk
        room -= _length(talk.span)


def _count(talks: Sequence[Talk]) -> int:
    return 1 + max((talk.voice for talk in talks), default=-1)


def _seconds(talks: Sequence[Talk], voice: int) -> float:
    return sum(seconds_of(talk) for talk in talks if talk.voice == voice)


def _length(span: Span) -> int:
    return span[1] - span[0]
