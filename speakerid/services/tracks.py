"""From one side of a recording to its voices: speech, windows, embeddings, clusters, turns. No names yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.recorder import LongAudio
from speakerid.diarization import clustering
from speakerid.diarization.clustering import ClusterOptions, Labels
from speakerid.diarization.resegment import likeliest_path
from speakerid.diarization.turns import Talk, turns
from speakerid.diarization.windows import WindowOptions, joined, windows
from speakerid.encoders.batching import Batcher
from speakerid.errors import Overloaded
from speakerid.scoring.scorer import Scorer
from speakerid.scoring.sides import Side
from speakerid.services.engine import Engine
from speakerid.timeline import JobStage
from speakerid.types import FloatArray, Span, Speech

BATCH = 16  # windows read and embedded at a time
CHANGE_COST = 2.0  # llr by which another voice must fit better in all before the speaker changes
ROUNDS = 3  # of drawing the voices anew and going through the windows again
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
    at("embeddings")
    embeddings = _embedded(engine.encoder, audio, places)
    at("clusters")
    # Windows share the recording's noise and band, which make its voices more alike, not less: neither is counted.
    sides = Side.of(
        embeddings, [Speech((end - start) / SAMPLE_RATE_HZ, None, 0.0, FULL_BAND_HZ) for start, end in places]
    )
    talks = _in_order(turns(stretches, places, _voices(scorer, sides, speakers, engine.policy.clusters)))
    speech = tuple(replace(heard, seconds=_seconds(talks, voice)) for voice in range(_count(talks)))
    at("names")
    return Track(channel, seconds, talks, speech, _probes(engine.encoder, audio, talks))


def _embedded(encoder: Batcher, audio: LongAudio, places: Sequence[Span]) -> FloatArray:
    pieces = audio.spans(places)
    found: list[FloatArray] = []
    while batch := list(islice(pieces, BATCH)):
        found.append(_embed(encoder, batch))
    return np.concatenate(found)


def _embed(encoder: Batcher, waveforms: Sequence[FloatArray]) -> FloatArray:
    for _ in range(PATIENCE):
        with suppress(Overloaded):
            return encoder.embed(waveforms)
        time.sleep(PAUSE_S)
    return encoder.embed(waveforms)


def _voices(scorer: Scorer, sides: Side, speakers: int | None, options: ClusterOptions) -> Labels:
    """The voice of each window."""

    def compare(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
        return scorer.compare(sides[rows], sides[columns]).llrs

    labels = clustering.cluster(len(sides), compare, options, speakers)
    chosen = (
        clustering.without_small(labels, options.fewest) if speakers is None else clustering.largest(labels, speakers)
    )
    for _ in range(ROUNDS):
        seconds = np.array([sides.seconds[labels == number].sum() for number in chosen])
        voices = replace(sides[chosen], embeddings=clustering.means(sides.embeddings, labels, chosen), seconds=seconds)
        labels = likeliest_path(scorer.compare(sides, voices).llrs, CHANGE_COST)
        chosen = np.unique(labels)
    return labels


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
