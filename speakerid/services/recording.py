"""Who speaks when? The voices of a recording, found on each side of it, named together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from speakerid.audio.encoded import Encoded
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.recorder import READS, LongAudio
from speakerid.db.models import GalleryRow
from speakerid.diarization.overlaps import SecondOptions, overlapped, sharing, with_second_voices
from speakerid.diarization.turns import Talk
from speakerid.errors import InvalidRequest
from speakerid.services import calibrations, misfits, speakers, tracks
from speakerid.services.engine import Engine
from speakerid.services.identify import TOP_K_LIMIT
from speakerid.services.tracks import At, Track
from speakerid.services.voices import Unnamed, name_voices, voiceprints
from speakerid.timeline import JobStage, RecordedVoice, Recording, Sides, Turn
from speakerid.types import FloatArray, Span

Watch = Callable[[float, float | None], None]  # seconds of audio gone through, and of how many in all, if known


@dataclass(frozen=True)
class RecordingOptions:
    speakers: int | None = None  # at most how many speak (on each channel, with "split"), where that is known
    candidates: tuple[str, ...] | None = None  # names or ids: nobody else is to be named
    channel: Sides = "mix"
    top_k: int = 5


DEFAULTS = RecordingOptions()


def unwatched(done: float, total: float | None) -> None:
    """Progress that nobody looks at."""


def anywhere(stage: JobStage) -> None:
    """Stages that nobody looks at."""


@dataclass(frozen=True)
class Heard:
    """A recording, and the probe `(dim,)` behind each of its `voices`."""

    recording: Recording
    probes: tuple[FloatArray, ...]


@dataclass(frozen=True)
class _Place:
    """Voice `voice` of track `track`, and when it is heard first (samples)."""

    first: Span
    track: int
    voice: int


def recording(
    engine: Engine,
    gallery: GalleryRow,
    audio: Encoded,
    options: RecordingOptions = DEFAULTS,
    watch: Watch = unwatched,
) -> Recording:
    """Raises AudioError, InvalidRequest, SpeakerNotFound, EncoderMismatch, Overloaded."""
    return hear(engine, gallery, audio, options, watch).recording


def hear(
    engine: Engine,
    gallery: GalleryRow,
    audio: Encoded,
    options: RecordingOptions = DEFAULTS,
    watch: Watch = unwatched,
    at: At = anywhere,
) -> Heard:
    """Like `recording`, with the probes."""
    if options.speakers is not None and options.speakers < 1:
        raise InvalidRequest("At least one speaker must be expected. Leave the number out if it is not known.")
    wanted = _keys(engine, gallery, options.candidates)
    # The stop of the clustering was fitted with the encoder's own calibration, not with a gallery's.
    heard = [
        tracks.listen(engine, engine.calibration, one, channel, options.speakers, at)
        for channel, one in _opened(engine, audio, options.channel, watch)
    ]
    top_k = min(max(options.top_k, 1), TOP_K_LIMIT)
    first = _places([track.talks for track in heard])
    named = name_voices(engine, gallery, _unnamed(heard, first), wanted, top_k)
    heard = _without_misfits(
        engine, gallery, heard, dict(zip(first, named, strict=True)), more=options.speakers is None
    )
    said = [with_second_voices(track.talks, track.overlaps, SecondOptions()) for track in heard]
    places = _places(said)
    unnamed = _unnamed(heard, places)
    voices = name_voices(engine, gallery, unnamed, wanted, top_k)
    by_place = {(place.track, place.voice): one for place, one in zip(places, voices, strict=True)}
    found = Recording(
        seconds=max(track.seconds for track in heard),
        turns=_turns(heard, said, by_place),
        voices=tuple(voices),
        speech_seconds=sum(_seconds(talk) for track in heard for talk in track.talks),
        prior=engine.policy.prior,
        encoder=engine.encoder_label,
        calibration=calibrations.source(engine, gallery),
        reason=_reason(voices),
    )
    return Heard(found, tuple(one.probe for one in unnamed))


def _keys(engine: Engine, gallery: GalleryRow, candidates: Sequence[str] | None) -> list[int] | None:
    if candidates is None:
        return None
    with engine.read() as db:
        return sorted({speakers.by_name_or_id(db, gallery, one).key for one in candidates})


def _opened(engine: Engine, audio: Encoded, channel: Sides, watch: Watch) -> list[tuple[int | None, LongAudio]]:
    announced = engine.recorder.announced(audio)
    wanted = list(range(announced.channels)) if channel == "split" else [channel]
    read = _counted(watch, None if announced.seconds is None else announced.seconds * READS * len(wanted))
    return [(None if one == "mix" else one, engine.recorder.open(audio, one, read)) for one in wanted]


def _counted(watch: Watch, total: float | None) -> Callable[[float], None]:
    done = 0.0

    def read(seconds: float) -> None:
        nonlocal done
        done += seconds
        watch(done, total)

    return read


def _places(said: Sequence[Sequence[Talk]]) -> list[_Place]:
    """Every voice of every track, in order of first appearance."""
    first: dict[tuple[int, int], Span] = {}
    for nth, talks in enumerate(said):
        for talk in talks:
            first.setdefault((nth, talk.voice), talk.span)
    return [_Place(span, *key) for span, key in sorted((span, key) for key, span in first.items())]


def _unnamed(heard: Sequence[Track], places: Sequence[_Place]) -> list[Unnamed]:
    return [
        Unnamed(track.channel, track.speech[place.voice], track.probes[place.voice])
        for place, track in ((one, heard[one.track]) for one in places)
    ]


def _without_misfits(
    engine: Engine, gallery: GalleryRow, heard: Sequence[Track], voices: dict[_Place, RecordedVoice], more: bool
) -> list[Track]:
    known = voiceprints(engine, gallery, list(voices.values()))
    if not known:
        return list(heard)
    calibration = calibrations.used(engine, gallery)
    return [
        misfits.moved(
            calibration,
            track,
            {
                place.voice: known[one.speaker.id]
                for place, one in voices.items()
                if place.track == nth and one.speaker and one.speaker.id in known
            },
            more=more,
        )
        for nth, track in enumerate(heard)
    ]


def _turns(
    heard: Sequence[Track], said: Sequence[Sequence[Talk]], voices: dict[tuple[int, int], RecordedVoice]
) -> tuple[Turn, ...]:
    talks = sorted((talk.span, nth, talk) for nth, talks in enumerate(said) for talk in talks)
    shared = sharing([span for span, _, _ in talks])
    return tuple(
        _turn(heard[nth], talk, voices[nth, talk.voice], overlap or overlapped(talk.span, heard[nth].overlaps))
        for (_, nth, talk), overlap in zip(talks, shared, strict=True)
    )


def _turn(track: Track, talk: Talk, voice: RecordedVoice, overlap: bool) -> Turn:
    named = next((one for one in voice.candidates if one.speaker == voice.speaker), None)
    return Turn(
        start=round(talk.span[0] / SAMPLE_RATE_HZ, 3),
        end=round(talk.span[1] / SAMPLE_RATE_HZ, 3),
        voice=voice.voice,
        speaker=voice.speaker,
        channel=track.channel,
        llr=named.llr if named else None,
        probability=named.probability if named else None,
        overlap=overlap,
    )


def _seconds(talk: Talk) -> float:
    return (talk.span[1] - talk.span[0]) / SAMPLE_RATE_HZ


def _reason(voices: Sequence[RecordedVoice]) -> str:
    if not voices:
        return "No speech was found."
    named = sum(voice.speaker is not None for voice in voices)
    return f"{len(voices)} {'voice' if len(voices) == 1 else 'voices'}, {named} of them named."
