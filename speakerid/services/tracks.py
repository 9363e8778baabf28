"""From one side of a recording to its voices: speech, windows, embeddings, clusters, turns. No names yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.recorder import LongAudio
from speakerid.diarization.clustering import Labels
from speakerid.diarization.turns import Talk, parts, turns
from speakerid.diarization.windows import WindowOptions, joined, windows
from speakerid.encoders.batching import Batcher
from speakerid.errors import Overloaded
from speakerid.scoring.scorer import Scorer
from speakerid.scoring.sides import Side
from speakerid.services.engine import Engine
from speakerid.services.telling_apart import by_turns, by_windows
from speakerid.timeline import JobStage
from speakerid.types import FloatArray, Span, Speech

BATCH = 16  # windows or turns read and embedded at a time
TURN = (
    2 * SAMPLE_RATE_HZ,
    10 * SAMPLE_RATE_HZ,
)  # samples of a turn that is long enough to know a voice by, and at most
FULL_BAND_HZ = SAMPLE_RATE_HZ // 2
PROBE = 20 * SAMPLE_RATE_HZ  # samples of a voice, its longest turns, that are embedded as one probe
PATIENCE = 60  # times, a second apart, that a full encoder is asked again: long work waits where a request is refused
PAUSE_S = 1.0

At = Callable[[JobStage], None]  # called when a stage of the work begins


@dataclass(frozen=True)
class Track:
    """One side of a recording. `speech[v]` and row v of `probes (v, dim)` belong to voice v of `talks`."""

    channel: int | None
    seconds: float
    talks: tuple[Talk, ...]
    speech: tuple[Speech, ...]
    probes: FloatArray


def listen(
    engine: Engine, scorer: Scorer, audio: LongAudio, channel: int | None, speakers: int | None, at: At
) -> Track:
    """`speakers`: how many there are, where that is known. Raises AudioError, Overloaded, EncoderFailed."""
    at("speech")
    spoken = engine.recorder.find_speech(audio)
    seconds = spoken.total / SAMPLE_RATE_HZ
    options = WindowOptions()
    options = replace(options, shortest=max(options.shortest, engine.encoder.min_samples))
    stretches = list(joined(spoken.segments, options.longest_pause))
    places = windows(stretches, options)
    if not places:
        return Track(channel, seconds, (), (), np.zeros((0, engine.encoder.dim), np.float32))
    heard = engine.recorder.quality(audio, spoken)
    voices = _voices(engine, scorer, audio, stretches, places, speakers, at)
    talks = _in_order(turns(stretches, places, voices))
    speech = tuple(replace(heard, seconds=_seconds(talks, voice)) for voice in range(_count(talks)))
    at("names")
    return Track(channel, seconds, talks, speech, _probes(engine.encoder, audio, talks))


def _voices(
    engine: Engine,
    scorer: Scorer,
    audio: LongAudio,
    stretches: Sequence[Span],
    places: Sequence[Span],
    speakers: int | None,
    at: At,
) -> Labels:
    """The voice of each window."""
    at("embeddings")
    clusters, sides = engine.policy.clusters, _heard(engine.encoder, audio, places)
    at("clusters")
    labels = by_windows(scorer, sides, clusters, None)
    long = parts(turns(stretches, places, labels), *TURN)
    if not long:
        return labels if speakers is None else by_windows(scorer, sides, clusters, speakers)
    return by_turns(scorer, sides, _heard(engine.encoder, audio, long), clusters, speakers)


def _heard(encoder: Batcher, audio: LongAudio, spans: Sequence[Span]) -> Side:
    """A row for each of `spans`. They share the recording's noise and band, which make its voices more alike.

    Neither is counted: it would make them less alike.
    """
    pieces = audio.spans(spans)
    found: list[FloatArray] = []
    while batch := list(islice(pieces, BATCH)):
        found.append(_embed(encoder, batch))
    seconds = [(end - start) / SAMPLE_RATE_HZ for start, end in spans]
    return Side.of(np.concatenate(found), [Speech(one, None, 0.0, FULL_BAND_HZ) for one in seconds])


def _embed(encoder: Batcher, waveforms: Sequence[FloatArray]) -> FloatArray:
    for _ in range(PATIENCE):
        with suppress(Overloaded):
            return encoder.embed(waveforms)
        time.sleep(PAUSE_S)
    return encoder.embed(waveforms)


def _in_order(talks: Sequence[Talk]) -> tuple[Talk, ...]:
    """Voices numbered by first appearance."""
    numbers: dict[int, int] = {}
    return tuple(replace(talk, voice=numbers.setdefault(talk.voice, len(numbers))) for talk in talks)


def _probes(encoder: Batcher, audio: LongAudio, talks: Sequence[Talk]) -> FloatArray:
    """`(v, dim)`: each voice's longest turns as one probe."""
    chosen = sorted(talk for voice in range(_count(talks)) for talk in _longest(talks, voice))
    parts: list[list[FloatArray]] = [[] for _ in range(_count(talks))]
    for talk, samples in zip(chosen, audio.spans([talk.span for talk in chosen]), strict=True):
        parts[talk.voice].append(samples)
    return np.concatenate([_embed(encoder, [np.concatenate(one)]) for one in parts])


def _longest(talks: Sequence[Talk], voice: int) -> Iterator[Talk]:
    """At least one; together at most `PROBE` samples and a turn."""
    room = PROBE
    for talk in sorted((one for one in talks if one.voice == voice), key=lambda one: one.span[0] - one.span[1]):
        if room <= 0:
            return
        start, end = talk.span
        yield Talk((start, min(end, start + room)), voice)
        room -= end - start


def _count(talks: Sequence[Talk]) -> int:
    return 1 + max((talk.voice for talk in talks), default=-1)


def _seconds(talks: Sequence[Talk], voice: int) -> float:
    return sum(talk.span[1] - talk.span[0] for talk in talks if talk.voice == voice) / SAMPLE_RATE_HZ
