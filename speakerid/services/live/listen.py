"""Who speaks in a stream, answered while it comes in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from speakerid.audio.conditioning import rechunked
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.stream_decoder import StreamFormat, decoded
from speakerid.audio.streaming_vad import StreamingVad
from speakerid.audio.vad import FRAME_SAMPLES
from speakerid.diarization.online.clustering import OnlineClustering
from speakerid.diarization.online.utterance import LocalSpeakers
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.live.names import Names
from speakerid.services.live.session import LivePolicy, Session
from speakerid.services.live.words import Words
from speakerid.services.quota import StreamMeter
from speakerid.services.speakers import EVERYBODY, CandidateFilter
from speakerid.types.live import Event, Ready, StreamDone

BLOCK = 3 * FRAME_SAMPLES  # samples processed at a time, 96 ms: answers do not depend on how messages are cut
MAX_SECONDS = 4 * 3600.0


@dataclass(frozen=True)
class LiveOptions:
    incoming: StreamFormat = field(default_factory=StreamFormat)
    only: CandidateFilter = EVERYBODY  # may be named
    max_seconds: float = MAX_SECONDS
    classifiers: tuple[str, ...] = ()  # asked for words in the stream
    policy: LivePolicy = field(default_factory=LivePolicy)


DEFAULTS = LiveOptions()


def listen(engine: Engine, gallery: str, messages: Iterable[bytes], options: LiveOptions = DEFAULTS) -> Iterator[Event]:
    """Events of a stream: `messages` are awaited one by one, after `Ready`; `StreamDone` comes after the last.

    Nothing is stored.

    Raises GalleryNotFound, SpeakerNotFound, InvalidRequest, EncoderMismatch, AudioError,
    StreamTooLong, KeyQuotaReached, Overloaded, EncoderFailed, ClassifierError, and whatever `messages` raises.
    """
    options.incoming.check()
    engine = engine.serving(galleries.get(engine, gallery))
    names = Names(engine, gallery, options.only)
    session, words = _session(engine, names, options.policy), Words(engine, options.classifiers)
    yield Ready(gallery, engine.encoder_label, names.calibration, options.max_seconds)
    with closing(StreamMeter(engine.database, engine.audio_quota)) as meter:
        for block in rechunked(decoded(messages, options.incoming, options.max_seconds), BLOCK):
            meter.count(len(block) / SAMPLE_RATE_HZ)
            yield from session.process(block)
            yield from words.process(block)
    yield from session.finish()
    voices = session.summary()
    engine.workload.decoded(session.seconds)
    for voice in voices:
        engine.decided("live", gallery, voice.decision, [voice.speaker])
    yield StreamDone(
        seconds=round(session.seconds, 3),
        speech_seconds=round(sum(voice.speech_seconds for voice in voices), 3),
        voices=voices,
        prior=engine.policy.prior,
        encoder=engine.encoder_label,
        calibration=names.calibration,
    )


def _session(engine: Engine, names: Names, policy: LivePolicy) -> Session:
    # As for recordings not a gallery's own: the stop of the clustering was fitted with the encoder's.
    clustering = OnlineClustering(engine.calibration.llr_within, engine.encoder.dim, policy.assign, policy.merge_llr)
    vad, local_speakers = StreamingVad(engine.long_audio.vad), LocalSpeakers(engine.long_audio.segmenter)
    return Session(engine.encoder, vad, local_speakers, clustering, names, policy.early_decision)
