"""Who speaks when? The clusters of each side of a recording, named together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.long_audio_reader import LongAudio
from speakerid.db.models import GalleryRow
from speakerid.db.repositories.voiceprints import Voiceprint
from speakerid.diarization.reconstruction import ClusterTurn, sharing, yielding
from speakerid.scoring.calibration import OwnStrangers
from speakerid.services import judge, speakers
from speakerid.services.diarize import At, ChannelDiarization, check_count, diarize
from speakerid.services.engine import Engine
from speakerid.services.naming import Cluster, name_clusters
from speakerid.services.speakers import CandidateFilter
from speakerid.types import FloatArray, JobOptions, JobStage, RecordedVoice, Recording, Sides, Span, Turn

Watch = Callable[[float, float | None], None]  # seconds of audio gone through, and of how many in all, if known


DEFAULTS = JobOptions()
TOP_K = 5  # candidates of a voice


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
    options: JobOptions = DEFAULTS,
    watch: Watch = unwatched,
) -> Recording:
    """Raises AudioError, InvalidRequest, SpeakerNotFound, EncoderMismatch, Overloaded."""
    return diarize_and_name(engine, gallery, audio, options, watch).recording


def diarize_and_name(
    engine: Engine,
    gallery: GalleryRow,
    audio: ByteSource,
    options: JobOptions = DEFAULTS,
    watch: Watch = unwatched,
    at: At = unwatched_stage,
) -> DiarizedRecording:
    """Like `recording`, with what keeping its unknown speakers needs."""
    check_count(options)
    wanted = None if options.names_anybody else _wanted(engine, gallery, options)
    channels = [
        diarize(engine, one, channel, options, at) for channel, one in _opened(engine, audio, options.channel, watch)
    ]
    with engine.traces.step("names"):
        return name_channels(engine, gallery, channels, wanted)


def _wanted(engine: Engine, gallery: GalleryRow, options: JobOptions) -> list[int] | None:
    with engine.read() as db:
        return speakers.keys_of(db, gallery, CandidateFilter(options.candidates, options.tags))


def name_channels(
    engine: Engine,
    gallery: GalleryRow,
    channels: Sequence[ChannelDiarization],
    wanted: Sequence[int] | None = None,
    known: Sequence[Voiceprint] = (),
) -> DiarizedRecording:
    """Who speaks when in a recording of these channels; `wanted` and `known`: see `name_clusters`."""
    places = _places(channels)
    unnamed = [_unnamed(channels[place.nth], place.cluster) for place in places]
    voices = name_clusters(engine, gallery, unnamed, wanted, TOP_K, known)
    by_place = {(place.nth, place.cluster): voice for place, voice in zip(places, voices, strict=True)}
    lost_s = max(one.lost_s for one in channels)
    found = Recording(
        seconds=max(one.seconds for one in channels),
        turns=_turns(channels, by_place),
        voices=tuple(voices),
        speech_seconds=sum(one.speech_seconds for one in channels),
        prior=engine.policy.prior,
        encoder=engine.encoder_label,
        calibration=judge.source(engine, gallery),
        reason=_reason(voices),
        warnings=("audio_lost",) if lost_s else (),
        lost_seconds=lost_s,
    )
    engine.workload.decoded(found.seconds)
    for voice in voices:
        engine.decided("recording", gallery.name, voice.decision, [voice.speaker])
    probes, enrolled = tuple(one.probe for one in unnamed), engine.indexes.size(gallery.key)
    return DiarizedRecording(found, probes, enrolled, engine.own_strangers(gallery.key))


def _opened(engine: Engine, audio: ByteSource, channel: Sides, watch: Watch) -> list[tuple[int | None, LongAudio]]:
    announced = engine.long_audio.announced(audio)
    wanted = list(range(announced.channels)) if channel == "split" else [channel]
    read = _counted(watch, announced.seconds, len(wanted))
    return [(None if one == "mix" else one, engine.long_audio.open(audio, one, read)) for one in wanted]


def _counted(watch: Watch, total: float | None, channels: int) -> Callable[[float], None]:
    """Of a recording that is gone through once a channel."""
    done = 0.0

    def read(seconds: float) -> None:
        nonlocal done
        done += seconds / channels
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
