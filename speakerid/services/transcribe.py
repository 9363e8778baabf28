"""What was said in a recording, and by whom, within one request. Nothing of it is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, product
from string import ascii_uppercase

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.long_audio_reader import DecodedAudio
from speakerid.db.models import GalleryRow, SpeakerRow
from speakerid.db.repositories.voiceprints import Voiceprint
from speakerid.errors import AudioError, AudioTooLong, NotEnoughSpeech, TranscriptionRefused
from speakerid.names import name_key
from speakerid.services.diarize import diarize
from speakerid.services.engine import Engine
from speakerid.services.probe import prepare_probe
from speakerid.services.recording import name_channels, unwatched_stage
from speakerid.transcription import turns
from speakerid.transcription.whisper import Transcriber
from speakerid.types import (
    DiarizedTranscript,
    FloatArray,
    Hints,
    Recording,
    SpeakerCount,
    SpokenTurn,
    Transcript,
    Turn,
)

REFERENCE_S = 30.0  # more tells hardly more of a voice, and costs as much as the recording
KNOWN = "known_"  # begins the ids of speakers of one request


@dataclass(frozen=True)
class KnownSpeaker:
    """Somebody whose voice the caller brings along, for this request alone."""

    name: str
    audio: bytes = field(repr=False)


def transcribe(engine: Engine, transcriber: Transcriber, audio: bytes, hints: Hints) -> Transcript:
    """Words alone. Raises AudioError, TranscriptionRefused."""
    transcriber.check(hints)  # before any work is done on the audio
    samples = engine.decode(audio)
    return transcriber.transcript(samples, engine.preparer.clean(samples).segments, hints)


def transcribe_diarized(
    engine: Engine, gallery: GalleryRow, audio: bytes, known: Sequence[KnownSpeaker], hints: Hints
) -> DiarizedTranscript:
    """Who said what; without a transcriber, who speaks when. Who is none of `known` is looked for in the gallery.

    Raises AudioError, TranscriptionRefused, EncoderMismatch, Overloaded.
    """
    if engine.transcriber is not None:
        engine.transcriber.check(hints)
    voiceprints = [_voiceprint(engine, gallery, nth, one) for nth, one in enumerate(known)]
    lost: list[float] = []
    samples = engine.decode(audio, lost=lost.append)
    channel = diarize(engine, DecodedAudio(samples, sum(lost)), None, SpeakerCount(), unwatched_stage)
    found = name_channels(engine, gallery, [channel], known=voiceprints).recording
    called, texts = _called(found), _texts(engine, samples, found.turns, hints)
    spoken = [
        SpokenTurn(turn.start, turn.end, called[turn.voice], text)
        for turn, text in zip(found.turns, texts, strict=True)
    ]
    return DiarizedTranscript(found.seconds, tuple(spoken))


def _voiceprint(engine: Engine, gallery: GalleryRow, nth: int, known: KnownSpeaker) -> Voiceprint:
    """Of a speaker who is in no store. Raises TranscriptionRefused, Overloaded."""
    try:
        probe = prepare_probe(engine, known.audio, min_speech_s=gallery.min_speech_s, also=_check_length)
        embedding = probe.require()
    except (AudioError, NotEnoughSpeech) as error:
        raise TranscriptionRefused(f"known_speaker_references[{nth}]", str(error)) from error
    return Voiceprint(SpeakerRow(id=f"{KNOWN}{nth + 1}", name=known.name), embedding, probe.speech.seconds)


def _check_length(samples: FloatArray) -> None:
    if len(samples) > REFERENCE_S * SAMPLE_RATE_HZ:
        raise AudioTooLong(f"{REFERENCE_S:g} seconds of a reference")


def _texts(engine: Engine, samples: FloatArray, found: Sequence[Turn], hints: Hints) -> list[str]:
    """Of each turn, the words."""
    if engine.transcriber is None:
        return [""] * len(found)
    speech = [(round(one.start * SAMPLE_RATE_HZ), round(one.end * SAMPLE_RATE_HZ)) for one in found]
    return turns.texts(engine.transcriber.transcript(samples, speech, hints).words, found)


def _called(found: Recording) -> dict[str, str]:
    """By voice: the caller's name, an enrolled speaker's name or, where two have it, their id; A, B, … for others."""
    named = {one.voice: one.speaker.name for one in found.voices if one.speaker is not None}
    times = Counter(name_key(name) for name in named.values())
    called = {
        voice: name if voice.startswith(KNOWN) or times[name_key(name)] == 1 else voice for voice, name in named.items()
    }
    letters = (one for one in _letters() if name_key(one) not in times)
    return {one.voice: called.get(one.voice) or next(letters) for one in found.voices}


def _letters() -> Iterator[str]:
    """A to Z, AA, AB, …"""
    return ("".join(some) for length in count(1) for some in product(ascii_uppercase, repeat=length))
