"""From one side of a recording to its clusters: read once, embedded segment by segment. No names yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.long_audio_reader import AudioPieces
from speakerid.audio.quality import clipping_ratio, measure
from speakerid.diarization.clustering import Evidence, cluster
from speakerid.diarization.reading import SegmentedBlock, blocks
from speakerid.diarization.reconstruction import ClusterTurn, by_appearance, reconstructed
from speakerid.diarization.segments import Segment, seconds
from speakerid.encoders.batching import Batcher
from speakerid.errors import InvalidRequest, Overloaded
from speakerid.services.engine import Engine
from speakerid.types import FloatArray, JobStage, Span, SpeakerCount, Speech

MEASURED = 120 * SAMPLE_RATE_HZ  # samples, from the first word on, that noise and bandwidth are measured in
PATIENCE = 60  # times, a second apart, that a full encoder is asked again: long work waits where a request is refused
PAUSE_S = 1.0
AT_ONCE = 64  # segments whose samples, 8 MB at most, wait to be embedded together
A_CALL = 16  # embedded in one call: half a second of a core, or many of what the server leaves of one
At = Callable[[JobStage], None]  # called when a stage of the work begins
MAX_SPEAKERS = 1000


@dataclass(frozen=True)
class ChannelDiarization:
    """One side of a recording. `speech[c]` and row c of `probes (c, dim)` belong to cluster c of `spoken`."""

    channel: int | None
    seconds: float
    spoken: tuple[ClusterTurn, ...]
    speech: tuple[Speech, ...]  # `seconds` of it alone
    probes: FloatArray
    speech_seconds: float
    lost_s: float = 0.0  # of the file, which cannot be decoded


def diarize(engine: Engine, audio: AudioPieces, channel: int | None, count: SpeakerCount, at: At) -> ChannelDiarization:
    """Raises AudioError, Overloaded, EncoderFailed."""
    segmenter, options = engine.long_audio.segmenter, engine.policy.clusters
    at("speech")
    found, lost = _Found(engine.encoder, options.alone_s, lambda: at("speech")), list[float]()
    with engine.traces.step("segments"):
        for block in blocks(audio.pieces(found.measure_clipping, lost.append), segmenter):
            found.add(block)
        found.embed_waiting()
    at("clusters")
    with engine.traces.step("clusters"):
        evidence = found.evidence(numbered=segmenter.speakers > 1)
        # Not a gallery's own calibration: the stop of the clustering was fitted with the encoder's.
        clusters = cluster(evidence, engine.calibration.llr_within, options, count)
        clusters = replace(clusters, labels=by_appearance(found.segments, clusters.labels))
        supported = clusters.supported(evidence, engine.calibration.llr_within, options)
    at("names")
    probes = _unit(clusters.centers(evidence))
    # What fits no person found is one cluster, whoever spoke: nothing of it may be named or kept.
    alone_s = np.bincount(clusters.labels, evidence.alone_s * clusters.known, len(probes))
    quality = found.quality()
    return ChannelDiarization(
        channel,
        found.total / SAMPLE_RATE_HZ,
        tuple(reconstructed(list(compress(found.segments, supported)), clusters.labels[supported])),
        tuple(replace(quality, seconds=float(one)) for one in alone_s),
        probes,
        sum(seconds(one.spans, SAMPLE_RATE_HZ) for one in found.segments),
        round(sum(lost, 0.0), 2),
    )


def _unit(centers: FloatArray) -> FloatArray:
    """Probes from centers.

    Who never speaks alone has none: any unit vector does, since 0 s of speech are never named.
    """
    found = centers.copy()
    found[~centers.any(axis=1), 0] = 1.0
    return found


class _Found:
    """Segments found so far, with their embeddings.

    Of the samples only the first minutes of speech are kept, as long as it is read.
    """

    def __init__(self, encoder: Batcher, alone_s: float, check: Callable[[], None]) -> None:
        """`check` is called between pieces of work, and may raise."""
        self.segments: list[Segment] = []
        self.total = 0
        self._clipped = 0.0  # samples
        self._encoder = encoder
        self._alone_s = alone_s
        self._check = check
        self._embeddings: list[FloatArray] = [np.zeros((0, encoder.dim), np.float32)]
        self._waiting: list[FloatArray] = []  # samples of the segments that are not embedded yet
        self._first: list[SegmentedBlock] = []

    def measure_clipping(self, piece: FloatArray) -> None:
        self._clipped += clipping_ratio(piece) * len(piece)

    def add(self, block: SegmentedBlock) -> None:
        self.total += len(block.samples)
        if (self._first or block.segments) and self.total - (self._first or [block])[0].start < MEASURED:
            self._first.append(block)
        self.segments += block.segments
        self._waiting += [block.cut(self._best(one)) for one in block.segments]
        if len(self._waiting) >= AT_ONCE:
            self.embed_waiting()

    def embed_waiting(self) -> None:
        self._embeddings.append(self._embedded(self._waiting))
        self._waiting = []

    def evidence(self, *, numbered: bool) -> Evidence:
        alone_s = np.array([seconds(one.alone, SAMPLE_RATE_HZ) for one in self.segments], np.float64)
        return Evidence(
            np.concatenate(self._embeddings),
            alone_s,
            np.array([one.start / SAMPLE_RATE_HZ for one in self.segments]),
            np.array([one.end / SAMPLE_RATE_HZ for one in self.segments]),
            np.array([one.speaker for one in self.segments], np.intp) if numbered else None,
        )

    def quality(self) -> Speech:
        """Noise, clipping and bandwidth of the two minutes from the first word on."""
        start = self._first[0].start if self._first else 0
        samples = np.concatenate([np.zeros(0, np.float32), *(one.samples for one in self._first)])
        spans = sorted(span for one in self._first for segment in one.segments for span in segment.spans)
        inside = tuple((a - start, b - start) for a, b in _merged(spans))
        return measure(samples, inside, self._clipped / max(self.total, 1))

    def _best(self, segment: Segment) -> tuple[Span, ...]:
        """What to embed: of who hardly speaks alone all that there is, to guess by."""
        return segment.alone if seconds(segment.alone, SAMPLE_RATE_HZ) >= self._alone_s else segment.spans

    def _embedded(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        """`(n, dim)`, zeros for those too short or constant. Equal lengths together, a few at a time."""
        found = np.zeros((len(waveforms), self._encoder.dim), np.float32)
        rows = [nth for nth, one in enumerate(waveforms) if len(one) >= self._encoder.min_samples and np.ptp(one) > 0.0]
        rows.sort(key=lambda nth: len(waveforms[nth]))
        for start in range(0, len(rows), A_CALL):
            self._check()
            some = rows[start : start + A_CALL]
            found[some] = embed(self._encoder, [waveforms[nth] for nth in some])
        return found


def embed(encoder: Batcher, waveforms: Sequence[FloatArray]) -> FloatArray:
    """`(n, dim)`, when no request waits. Raises Overloaded after a minute of it."""
    for _ in range(PATIENCE):
        with suppress(Overloaded):
            return encoder.embed(waveforms, background=True)
        time.sleep(PAUSE_S)
    return encoder.embed(waveforms, background=True)


def _merged(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def check_count(count: SpeakerCount) -> None:
    """Raises InvalidRequest."""
    numbers = {name: getattr(count, name) for name in ("speakers", "min_speakers", "max_speakers")}
    for name, number in numbers.items():
        if number is not None and not 1 <= number <= MAX_SPEAKERS:
            raise InvalidRequest(f"'{name}' is 1 to {MAX_SPEAKERS}. Leave it out if it is not known.")
    if count.speakers is not None and (count.min_speakers is not None or count.max_speakers is not None):
        raise InvalidRequest("Send either 'speakers', or 'min_speakers' and 'max_speakers'.")
    if count.most is not None and count.most < count.least:
        raise InvalidRequest(f"'min_speakers', {count.least}, is more than 'max_speakers', {count.most}.")
