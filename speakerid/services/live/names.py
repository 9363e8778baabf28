"""Names for the speakers of a stream, decided anew as speech comes in: each name once, as in a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.diarization.online.clustering import LiveSpeaker
from speakerid.services import galleries, judge, speakers
from speakerid.services.engine import Engine
from speakerid.services.naming import Cluster, name_clusters
from speakerid.services.speakers import CandidateFilter
from speakerid.types import CalibrationSource, FloatArray, RecordedVoice, Speech

TOP_K = 5
GROWTH = 1.25  # of a speaker's speech, after which they are judged again while they go on


class Names:
    """The gallery is read anew each time: who is erased meanwhile is not named any more."""

    def __init__(self, engine: Engine, gallery: str, only: CandidateFilter) -> None:
        """Raises GalleryNotFound, SpeakerNotFound, InvalidRequest."""
        self._engine = engine
        self._gallery = gallery
        row = galleries.get(engine, gallery)
        with engine.read() as db:
            self._wanted = speakers.keys_of(db, row, only)
        self._encoder = engine.encoder

    @property
    def calibration(self) -> CalibrationSource:
        return judge.source(self._engine, galleries.get(self._engine, self._gallery))

    def embed(self, speaker: LiveSpeaker) -> None:
        """Embed their speech as their probe, where there is more of it by now. Raises Overloaded, EncoderFailed."""
        if not speaker.probed:
            speaker.probe, speaker.probed = self._embedded(speaker.speech()), True

    def judge(self, known: Sequence[LiveSpeaker], quality: Speech) -> None:
        """Decide on every speaker who has a probe; `quality` is that of the stream.

        Raises GalleryNotFound, EncoderMismatch.
        """
        self._judge([(one, one.probe, one.seconds) for one in known], quality)

    def judge_ongoing(
        self, known: Sequence[LiveSpeaker], speaking: LiveSpeaker, more: FloatArray, quality: Speech
    ) -> None:
        """The same while one of `known` is `speaking`: `more` (n,) is not part of their speech yet."""
        seconds = speaking.seconds + len(more) / SAMPLE_RATE_HZ
        if speaking.judged is not None and (speaking.full or seconds < GROWTH * speaking.judged_s):
            return
        probe = self._embedded(speaking.speech(more))
        self._judge(
            [(one, probe, seconds) if one is speaking else (one, one.probe, one.seconds) for one in known], quality
        )

    def _judge(self, asked: Sequence[tuple[LiveSpeaker, FloatArray | None, float]], quality: Speech) -> None:
        probed = [(speaker, probe, seconds) for speaker, probe, seconds in asked if probe is not None]
        unnamed = [Cluster(None, replace(quality, seconds=seconds), probe) for _, probe, seconds in probed]
        gallery = galleries.get(self._engine, self._gallery)
        found = name_clusters(self._engine, gallery, unnamed, self._wanted, TOP_K)
        for (speaker, _, seconds), judged in zip(probed, found, strict=True):
            speaker.judged, speaker.judged_s = judged, seconds

    def _embedded(self, speech: FloatArray) -> FloatArray | None:
        return self._encoder.embed([speech])[0] if len(speech) >= self._encoder.min_samples else None


@dataclass(frozen=True)
class EarlyDecisionOptions:
    """When a decision is early; `python -m benchmarks.recordings.live` measures what these give."""

    margin_llr: float = 3.0  # above the threshold, or below it: odds twenty times as good as they need to be
    accept_s: float = 2.0  # of their speech; a single word may fit anybody
    unknown_s: float = 4.0


def is_decided_early(judged: RecordedVoice, options: EarlyDecisionOptions) -> bool:
    """Whether more speech would hardly change the decision.

    A name is certain when its llr is well above the threshold, "unknown" when the best llr is well below it.
    """
    if judged.decision == "no_speakers":
        return True
    if judged.threshold is None or not judged.candidates:
        return False
    beyond = leading(judged)[0] - judged.threshold.llr
    if judged.decision == "accept":
        return judged.speech.seconds >= options.accept_s and beyond >= options.margin_llr
    return judged.decision == "unknown" and judged.speech.seconds >= options.unknown_s and -beyond >= options.margin_llr


def leading(judged: RecordedVoice) -> tuple[float, float]:
    """llr and probability of the speaker that the decision is about: the named one, or the best candidate."""
    named = (one for one in judged.candidates if one.speaker == judged.speaker)
    found = next(named, judged.candidates[0])
    return found.llr, found.probability
