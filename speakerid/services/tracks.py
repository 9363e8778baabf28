"""From one side of a recording to its voices: speech, windows, embeddings, clusters, turns. No names yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.recorder import LongAudio
from speakerid.diarization.borders import BorderOptions, borders, cut_at, moved
from speakerid.diarization.overlaps import overlapped, without
from speakerid.diarization.turns import Talk, cut, turns
from speakerid.diarization.windows import WindowOptions, joined, windows
from speakerid.encoders.batching import Batcher
from speakerid.scoring.calibration import Calibration
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

    Row t of `heard (t, dim)` is the embedding of what is said alone in talk t, zeros where that is too short for one.
    """

    channel: int | None
    seconds: float
    talks: tuple[Talk, ...]
    alone_s: tuple[float, ...]  # of each talk, without what somebody else says at the same time
    speech: tuple[Speech, ...]  # `seconds` of it alone
    probes: FloatArray
    heard: FloatArray
    overlaps: tuple[Span, ...]  # where two or more speak, ascending


def listen(
    engine: Engine, calibration: Calibration, audio: LongAudio, channel: int | None, speakers: int | None, at: At
) -> Track:
    """`speakers`: at most how many, where that is known. Raises AudioError, Overloaded, EncoderFailed."""
    at("speech")
    spoken = engine.recorder.find_speech(audio)
    seconds = spoken.total / SAMPLE_RATE_HZ
    options = WindowOptions()
    options = replace(options, shortest=max(options.shortest, engine.encoder.min_samples))
    stretches = list(joined(spoken.segments, options.longest_pause))
    overlaps = engine.recorder.find_overlap(audio, spoken)
    places = [place for stretch in stretches for place in _windows(stretch, overlaps, options)]
    if not places:
        nothing = np.zeros((0, engine.encoder.dim), np.float32)
        return Track(channel, seconds, (), (), (), nothing, nothing, ())
    quality = engine.recorder.quality(audio, spoken)
    at("embeddings")
    clusters, heard = engine.policy.clusters, sides(places, embedded(engine.encoder, audio, places))
    at("clusters")
    labels = by_windows(calibration, heard, clusters)
    long = _long(turns(stretches, places, labels), overlaps)
    known = dict(zip(long, embedded(engine.encoder, audio, long), strict=True))
    if long:
        labels = by_turns(calibration, heard, sides(long, np.stack(list(known.values()))), clusters, speakers)
    elif speakers is not None:
        labels = by_windows(calibration, heard, clusters, speakers)
    labels = np.unique(labels, return_inverse=True)[1]
    found = turns(stretches, places, labels)
    found = _with_borders(engine.encoder, calibration, audio, found, overlaps, voices_of(heard, labels))
    talks = tuple(cut(_in_order(found), LONGEST))
    at("names")
    alone = _alone(talks, overlaps, options.shortest)
    each, probes = _heard(engine.encoder, audio, talks, alone, known, options.shortest)
    alone_s = tuple(_seconds(parts) for parts in alone)
    speech = tuple(replace(quality, seconds=one) for one in by_voice(talks, alone_s))
    return Track(channel, seconds, talks, alone_s, speech, probes, each, overlaps)


def by_voice(talks: Sequence[Talk], seconds: Sequence[float]) -> list[float]:
    """The sum of each voice's."""
    found = [0.0] * _count(talks)
    for talk, one in zip(talks, seconds, strict=True):
        found[talk.voice] += one
    return found


def _windows(stretch: Span, overlaps: Sequence[Span], options: WindowOptions) -> list[Span]:
    """Of one voice alone wherever that is possible: two at once are like neither."""
    return windows(without(stretch, overlaps), options) or windows([stretch], options)


def _with_borders(
    encoder: Batcher,
    calibration: Calibration,
    audio: LongAudio,
    talks: Sequence[Talk],
    overlaps: Sequence[Span],
    voices: Side,
) -> list[Talk]:
    """The same, looked at more closely where one voice follows another; row v of `voices` is voice v.

    Not where they speak at the same time: both have it.
    """
    options = BorderOptions()
    options = replace(options, length=max(options.length, encoder.min_samples))
    found = [one for one in borders(talks, options) if not _in_overlap(talks[one.after].span[0], overlaps)]
    if not found:
        return list(talks)
    spans = sorted({span for one in found for span in one.windows})
    rows = dict(zip(spans, range(len(spans)), strict=True))
    llrs = calibration.compare(sides(spans, embedded(encoder, audio, spans)).embeddings, voices.embeddings)
    cuts = {}
    for one in found:
        own = llrs[[rows[span] for span in one.windows]]
        cuts[one.after] = cut_at(one.windows, own[:, talks[one.after - 1].voice] - own[:, talks[one.after].voice])
    return moved(talks, cuts)


def _in_order(talks: Sequence[Talk]) -> list[Talk]:
    """Voices numbered by first appearance."""
    numbers: dict[int, int] = {}
    return [replace(talk, voice=numbers.setdefault(talk.voice, len(numbers))) for talk in talks]


def _long(talks: Sequence[Talk], overlaps: Sequence[Span]) -> list[Span]:
    parts = [Talk(part, talk.voice) for talk in talks for part in without(talk.span, overlaps)]
    return [one.span for one in cut(parts, LONGEST) if _length(one.span) >= LONG]


def _alone(talks: Sequence[Talk], overlaps: Sequence[Span], shortest: int) -> list[list[Span]]:
    """The parts of each talk in which its voice speaks alone; all of them where a voice has next to none."""
    parts = [without(talk.span, overlaps) for talk in talks]
    seconds = by_voice(talks, [_seconds(one) for one in parts])
    return [
        one if seconds[talk.voice] * SAMPLE_RATE_HZ >= shortest else [talk.span]
        for talk, one in zip(talks, parts, strict=True)
    ]


def _heard(
    encoder: Batcher,
    audio: LongAudio,
    talks: Sequence[Talk],
    alone: Sequence[list[Span]],
    known: Mapping[Span, FloatArray],
    shortest: int,
) -> tuple[FloatArray, FloatArray]:
    """Each talk by itself, `(t, dim)`, and each voice's longest ones as one probe, `(v, dim)`; the parts `alone`."""
    chosen = {row for voice in range(_count(talks)) for row in _longest(talks, alone, voice)}
    probes: list[list[FloatArray]] = [[] for _ in range(_count(talks))]
    heard = np.zeros((len(talks), encoder.dim), np.float32)
    for row, (talk, samples) in enumerate(zip(talks, audio.spans([talk.span for talk in talks]), strict=True)):
        own = _cut_out(samples, talk.span[0], alone[row])
        if row in chosen:
            probes[talk.voice].append(own)
        if len(alone[row]) == 1 and alone[row][0] in known:
            heard[row] = known[alone[row][0]]
        elif len(own) >= shortest:
            heard[row] = embed(encoder, [own])[0]
    return heard, np.concatenate([embed(encoder, [np.concatenate(one)]) for one in probes])


def _cut_out(samples: FloatArray, begin: int, spans: Sequence[Span]) -> FloatArray:
    """What lies in `spans` of samples that begin at `begin`, in a row."""
    return np.concatenate([np.zeros(0, np.float32), *(samples[start - begin : end - begin] for start, end in spans)])


def _longest(talks: Sequence[Talk], alone: Sequence[Sequence[Span]], voice: int) -> Iterator[int]:
    """Rows of talks, at least one; together at most `PROBE` samples and a talk."""
    room = PROBE / SAMPLE_RATE_HZ
    for row in sorted((r for r, one in enumerate(talks) if one.voice == voice), key=lambda r: -_seconds(alone[r])):
        if room <= 0:
            return
        yield row
        room -= _seconds(alone[row])


def _in_overlap(at: int, overlaps: Sequence[Span]) -> bool:
    return overlapped((at - 1, at + 1), overlaps)


def _count(talks: Sequence[Talk]) -> int:
    return 1 + max((talk.voice for talk in talks), default=-1)


def _seconds(spans: Iterable[Span]) -> float:
    return sum(map(_length, spans)) / SAMPLE_RATE_HZ


def _length(span: Span) -> int:
    return span[1] - span[0]
