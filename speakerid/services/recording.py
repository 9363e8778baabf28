"""Who speaks when? The clusters of each side of a recording, named together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.long_audio_reader import LongAudio
from speakerid.db.models import GalleryRow
from speakerid.diarization.reconstruction import ClusterTurn, sharing, yielding
from speakerid.scoring.strangers import OwnStrangers
from speakerid.services import judge, speakers
from speakerid.services.cross_speaker import own_strangers
from speakerid.services.diarize import ANY_NUMBER, At, ChannelDiarization, SpeakerCount, diarize
from speakerid.services.engine import Engine
from speakerid.services.identify import TOP_K_LIMIT
from speakerid.services.naming import Cluster, name_clusters
from speakerid.types import FloatArray, JobStage, RecordedVoice, Recording, Sides, Span, Turn

Watch = Callable[[float, float | None], None]  # seconds of audio gone through, and of how many in all, if known


@dataclass(frozen=True)
class RecordingOptions:
    count: SpeakerCount = ANY_NUMBER  # of speakers (on each channel, with "split"), as far as that is known
    candidates: tuple[str, ...] | None = None  # names or ids: the only speakers to be named
    channel: Sides = "mix"
    top_k: int = 5


DEFAULTS = RecordingOptions()


def unwatched(done: float, total: float | None) -> None:
    """Progress that is not watched."""


def unwatched_stage(stage: JobStage) -> None:
    """Stages that are not watched."""


@dataclass(frozen=True)
class DiarizedRecording:
    """A recording, the probe `(dim,)` behind each of its `voices`, and what they were compared with."""

    recording: Recording
    probes: tuple[FloatArray, ...]
    enrolled: int  # speakers with a voiceprint in the gallery
    own: OwnStrangers | None  # how strangers score among them; None where there are too few


@dataclass(frozen=True, order=True)
class _Place:
    """A cluster of a channel, and where it begins to speak (samples)."""

    first: Span
    nth: int  # channel, in their order
    cluster: int


def recording(
    engine: Engine,
    gallery: GalleryRow,
    audio: ByteSource,
    options: RecordingOptions = DEFAULTS,
    watch: Watch = unwatched,
) -> Recording:
    """Raises AudioError, InvalidRequest, SpeakerNotFound, EncoderMismatch, Overloaded."""
    return diarize_and_name(engine, gallery, audio, options, watch).recording


def diarize_and_name(
    engine: Engine,
    gallery: GalleryRow,
    audio: ByteSource,
    options: RecordingOptions = DEFAULTS,
    watch: Watch = unwatched,
    at: At = unwatched_stage,
) -> DiarizedRecording:
    """Like `recording`, with what keeping its unknown speakers needs."""
    count = options.count.checked()
    wanted = _keys(engine, gallery, options.candidates)
    channels = [
        diarize(engine, one, channel, count, at) for channel, one in _opened(engine, audio, options.channel, watch)
    ]
    places = _places(channels)
    unnamed = [_unnamed(channels[place.nth], place.cluster) for place in places]
    top_k = min(max(options.top_k, 1), TOP_K_LIMIT)
    voices = name_clusters(engine, gallery, unnamed, wanted, top_k)
    by_place = {(place.nth, place.cluster): voice for place, voice in zip(places, voices, strict=True)}
    found = Recording(
        seconds=max(one.seconds for one in channels),
        turns=_turns(channels, by_place),
        voices=tuple(voices),
        speech_seconds=sum(one.speech_seconds for one in channels),
        prior=engine.policy.prior,
        encoder=engine.encoder_label,
        calibration=judge.source(engine, gallery),
        reason=_reason(voices),
    )
    probes, enrolled = tuple(one.probe for one in unnamed), len(engine.indexes.catch_up(gallery.key))
    return DiarizedRecording(found, probes, enrolled, own_strangers(engine, gallery))


def _keys(engine: Engine, gallery: GalleryRow, candidates: Sequence[str] | None) -> list[int] | None:
    if candidates is None:
        return None
    with engine.read() as db:
        return sorted({speakers.by_name_or_id(db, gallery, one).key for one in candidates})


def _opened(engine: Engine, audio: ByteSource, channel: Sides, watch: Watch) -> list[tuple[int | None, LongAudio]]:
    announced = engine.long_audio.announced(audio)
    wanted = list(range(announced.channels)) if channel == "split" else [channel]
    read = _counted(watch, None if announced.seconds is None else announced.seconds * len(wanted))
    return [(None if one == "mix" else one, engine.long_audio.open(audio, one, read)) for one in wanted]


def _counted(watch: Watch, total: float | None) -> Callable[[float], None]:
    done = 0.0

    def read(seconds: float) -> None:
        nonlocal done
        done += seconds
        watch(done, total)

    return read


def _places(channels: Sequence[ChannelDiarization]) -> list[_Place]:
    """Every cluster of every channel, in order of first appearance."""
    first: dict[tuple[int, int], Span] = {}
    for nth, channel in enumerate(channels):
        for one in channel.spoken:
            first.setdefault((nth, one.cluster), one.span)
    return sorted(_Place(span, *key) for key, span in first.items())


def _unnamed(channel: ChannelDiarization, cluster: int) -> Cluster:
    return Cluster(channel.channel, channel.speech[cluster], channel.probes[cluster])


def _turns(channels: Sequence[ChannelDiarization], voices: dict[tuple[int, int], RecordedVoice]) -> tuple[Turn, ...]:
    named = {key for key, voice in voices.items() if voice.speaker is not None}
    spoken = sorted(
        (one.span, nth, one)
        for nth, channel in enumerate(channels)
        for one in yielding(channel.spoken, {cluster for at, cluster in named if at == nth})
    )
    shared = sharing([span for span, _, _ in spoken])
    return tuple(
        _turn(channels[nth].channel, one, voices[nth, one.cluster], overlap)
        for (_, nth, one), overlap in zip(spoken, shared, strict=True)
    )


def _turn(channel: int | None, spoken: ClusterTurn, voice: RecordedVoice, overlap: bool) -> Turn:
    named = next((one for one in voice.candidates if one.speaker == voice.speaker), None)
    return Turn(
        start=round(spoken.span[0] / SAMPLE_RATE_HZ, 3),
        end=round(spoken.span[1] / SAMPLE_RATE_HZ, 3),
        voice=voice.voice,
        speaker=voice.speaker,
        channel=channel,
        llr=named.llr if named else None,
        probability=named.probability if named else None,
        overlap=overlap,
    )


def _reason(voices: Sequence[RecordedVoice]) -> str:
    if not voices:
        return "No speech was found."
    named = sum(voice.speaker is not None for voice in voices)
    return f"{len(voices)} {'voice' if len(voices) == 1 else 'voices'}, {named} of them named."
