"""Names for the voices of a stream, asked for again as more is heard: each name once, as in a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.services import galleries, judge, speakers
from speakerid.services.engine import Engine
from speakerid.services.live.live_speaker import LiveVoice
from speakerid.services.naming import Cluster, name_clusters
from speakerid.types import CalibrationSource, FloatArray, Speech

TOP_K = 5
GROWTH = 1.25  # of the speech of a voice, after which it is judged again while it goes on


class Names:
    """The gallery is read anew each time: who is erased meanwhile is not named any more."""

    def __init__(self, engine: Engine, gallery: str, candidates: Sequence[str] | None) -> None:
        """Raises GalleryNotFound, SpeakerNotFound, InvalidRequest."""
        self._engine = engine
        self._gallery = gallery
        row = galleries.get(engine, gallery)
        with engine.read() as db:
            wanted = [speakers.by_name_or_id(db, row, one).key for one in candidates or ()]
        self._wanted = None if candidates is None else sorted(set(wanted))
        self._encoder = engine.encoder

    @property
    def calibration(self) -> CalibrationSource:
        return judge.source(self._engine, galleries.get(self._engine, self._gallery))

    def hear(self, voice: LiveVoice) -> None:
        """Make its probe of what it said, where there is more of that by now. Raises Overloaded, EncoderFailed."""
        if not voice.probed:
            voice.probe, voice.probed = self._embedded(voice.speech()), True

    def judge(self, voices: Sequence[LiveVoice], heard: Speech) -> None:
        """Decide on every voice that has a probe; `heard` is how good the stream is.

        Raises GalleryNotFound, EncoderMismatch.
        """
        self._judge([(one, one.probe, one.seconds) for one in voices], heard)

    def judge_ongoing(self, voices: Sequence[LiveVoice], speaking: LiveVoice, more: FloatArray, heard: Speech) -> None:
        """The same while one of `voices` is `speaking`: `more` (n,) is not among what it said yet."""
        seconds = speaking.seconds + len(more) / SAMPLE_RATE_HZ
        if speaking.judged is not None and (speaking.full or seconds < GROWTH * speaking.judged_s):
            return
        probe = self._embedded(speaking.speech(more))
        self._judge(
            [(one, probe, seconds) if one is speaking else (one, one.probe, one.seconds) for one in voices], heard
        )

    def _judge(self, asked: Sequence[tuple[LiveVoice, FloatArray | None, float]], heard: Speech) -> None:
        probed = [(voice, probe, seconds) for voice, probe, seconds in asked if probe is not None]
        unnamed = [Cluster(None, replace(heard, seconds=seconds), probe) for _, probe, seconds in probed]
        gallery = galleries.get(self._engine, self._gallery)
        found = name_clusters(self._engine, gallery, unnamed, self._wanted, TOP_K)
        for (voice, _, seconds), judged in zip(probed, found, strict=True):
            voice.judged, voice.judged_s = judged, seconds

    def _embedded(self, speech: FloatArray) -> FloatArray | None:
        return self._encoder.embed([speech])[0] if len(speech) >= self._encoder.min_samples else None
