"""Made conversations of real voices: who speaks when is known to the sample, and so is who was enrolled.

LibriSpeech `dev` (5 speakers, 3 of their 10 recordings kept for enrollment) and the last 51 speakers of `train`, one
recording each: of those to be enrolled the first half is kept for that. Of the 51 every other speaker is there to fit
on; conversations to measure on are of the others and of `dev`. About half of either are enrolled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speakerid.audio.decode import decode
from speakerid.audio.files import read_file, recordings, speaker_tree
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.types import FloatArray, Span

UNSEEN = 51  # of `train`: the bundled encoder was trained on the others
ENROLLED_RECORDINGS = 3  # of a speaker of `dev`
LONGEST_PAUSE = SAMPLE_RATE_HZ * 3 // 10  # inside a piece
PIECE = (SAMPLE_RATE_HZ, 6 * SAMPLE_RATE_HZ)  # samples of the shortest and longest turn
FIELD_FILES = 60  # of one speaker
SHORTEST_RECORDING = 8 * SAMPLE_RATE_HZ
PAUSE_S = (0.1, 0.8)
OVERLAP_S = (0.4, 1.6)


@dataclass(frozen=True)
class Scene:
    """How people talk, and where."""

    speakers: tuple[int, int] = (2, 8)
    speech_s: float = 24.0  # at most, of one speaker in one conversation
    overlap: float = 0.1  # share of the conversation's length in which two speak
    snr_db: float = 15.0


FIELD = Scene(speakers=(2, 6), snr_db=25.0)  # recordings that have noise of their own
CALL = Scene(speakers=(2, 2), speech_s=60.0, overlap=0.03, snr_db=40.0)


@dataclass(frozen=True)
class CastMember:
    """A speaker's pieces, and what is enrolled: None for a stranger."""

    name: str
    pieces: tuple[FloatArray, ...]
    enroll: tuple[FloatArray, ...] | None


@dataclass(frozen=True)
class SimulatedTurn:
    span: Span
    speaker: str


@dataclass(frozen=True)
class Conversation:
    name: str
    samples: FloatArray
    turns: tuple[SimulatedTurn, ...]
    enrolled: frozenset[str]  # speakers of it who are in the gallery


@dataclass(frozen=True)
class Cast:
    voices: tuple[CastMember, ...]
    noises: tuple[FloatArray, ...]


def cast_to_fit(speech: Path) -> Cast:
    return Cast(tuple(_train_voices(speech, 0)), _noises(speech))


def cast_to_measure(speech: Path) -> Cast:
    return Cast((*_dev_voices(speech), *_train_voices(speech, 1)), _noises(speech))


def field_cast(speech: Path, domain: str, first: int = 0, step: int = 1, most: int = 60) -> Cast:
    """Every `step`-th of `speech/field/domain` from the `first` on, `most` at most: all strangers."""
    tree = list(speaker_tree(speech / "field" / domain).items())[first::step][:most]
    people = (CastMember(name, tuple(_field_pieces(files)), None) for name, files in tree)
    long = (one for one in people if sum(map(len, one.pieces)) > SHORTEST_RECORDING)
    return Cast(tuple(long), _noises(speech))


def conversations(cast: Cast, count: int, seed: int, scene: Scene | None = None) -> Iterator[Conversation]:
    """The same ones for the same seed."""
    scene = scene or Scene()
    random, speakers = np.random.default_rng(seed), scene.speakers
    for nth in range(count):
        size = speakers[0] + nth % (speakers[1] - speakers[0] + 1)
        chosen = [cast.voices[i] for i in random.choice(len(cast.voices), size, replace=False)]
        yield _converse(f"made{nth:02d}", chosen, cast.noises, random, scene)


def _converse(
    name: str, voices: list[CastMember], noises: tuple[FloatArray, ...], random: np.random.Generator, scene: Scene
) -> Conversation:
    turns = _turns(voices, random, scene)
    placed: list[SimulatedTurn] = []
    at, talked, doubled = SAMPLE_RATE_HZ // 2, 0, 0
    for voice, piece in turns:
        if placed and doubled < scene.overlap * talked and placed[-1].speaker != voice.name:
            back = min(int(random.uniform(*OVERLAP_S) * SAMPLE_RATE_HZ), len(piece) // 2, _length(placed[-1]) // 2)
            at, doubled = at - back, doubled + back
        else:
            at += int(random.uniform(*PAUSE_S) * SAMPLE_RATE_HZ)
        placed.append(SimulatedTurn((at, at + len(piece)), voice.name))
        talked += len(piece)
        at += len(piece)
    clean = np.zeros(at + SAMPLE_RATE_HZ // 2, np.float32)
    for one, (_, piece) in zip(placed, turns, strict=True):
        clean[slice(*one.span)] += piece
    enrolled = frozenset(voice.name for voice in voices if voice.enroll is not None)
    return Conversation(name, _noisy(clean, noises, random, scene.snr_db), tuple(placed), enrolled)


def _turns(voices: list[CastMember], random: np.random.Generator, scene: Scene) -> list[tuple[CastMember, FloatArray]]:
    """Everybody in random order, no one twice in a row while somebody else is left."""
    left = {voice.name: _some(voice, random, scene.speech_s) for voice in voices}
    turns: list[tuple[CastMember, FloatArray]] = []
    while any(left.values()):
        waiting = [voice for voice in voices if left[voice.name] and not (turns and turns[-1][0] is voice)]
        voice = waiting[int(random.integers(len(waiting)))] if waiting else turns[-1][0]
        turns.append((voice, left[voice.name].pop()))
    return turns


def _some(voice: CastMember, random: np.random.Generator, speech_s: float) -> list[FloatArray]:
    """Pieces at one level, about -23 dBFS: everybody speaks about as loud, within 6 dB."""
    kept: list[FloatArray] = []
    room = int(speech_s * SAMPLE_RATE_HZ)
    gain_db = float(random.uniform(-3.0, 3.0))
    for i in random.permutation(len(voice.pieces)):
        if room >= len(voice.pieces[i]):
            kept.append(_leveled(voice.pieces[i], -23.0 + gain_db))
            room -= len(voice.pieces[i])
    return kept


def _leveled(samples: FloatArray, level_db: float) -> FloatArray:
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    leveled: FloatArray = (samples * (10 ** (level_db / 20) / max(rms, 1e-9))).astype(np.float32)
    return leveled


def _noisy(clean: FloatArray, noises: tuple[FloatArray, ...], random: np.random.Generator, snr_db: float) -> FloatArray:
    noise = noises[int(random.integers(len(noises)))]
    start = int(random.integers(len(noise)))
    looped = np.take(noise, np.arange(start, start + len(clean)), mode="wrap")
    speech_power = float(np.mean(np.square(clean[clean != 0.0], dtype=np.float64)))
    noise_power = float(np.mean(np.square(looped, dtype=np.float64)))
    gain = np.sqrt(speech_power / noise_power) * 10 ** (-snr_db / 20)
    mixed: FloatArray = (clean + gain * looped).astype(np.float32)
    return mixed


def _length(turn: SimulatedTurn) -> int:
    return turn.span[1] - turn.span[0]


def _dev_voices(speech: Path) -> Iterator[CastMember]:
    for nth, (name, files) in enumerate(speaker_tree(speech / "librispeech" / "dev").items()):
        spoken = [decode(read_file(file)) for file in files]
        enroll = tuple(spoken[:ENROLLED_RECORDINGS]) if nth % 2 == 0 else None
        yield CastMember(name, tuple(piece for one in spoken[ENROLLED_RECORDINGS:] for piece in _pieces(one)), enroll)


def _train_voices(speech: Path, parity: int) -> Iterator[CastMember]:
    tree = list(speaker_tree(speech / "librispeech" / "train").items())[-UNSEEN:]
    for nth, (name, files) in enumerate(tree[parity::2]):
        spoken = decode(read_file(files[0]))
        if len(spoken) < SHORTEST_RECORDING:
            continue
        half = len(spoken) // 2
        enrolled = nth % 2 == 0
        pieces = tuple(_pieces(spoken[half:] if enrolled else spoken))
        if pieces:
            yield CastMember(name, pieces, (spoken[:half],) if enrolled else None)


def _field_pieces(files: list[Path]) -> Iterator[FloatArray]:
    """Of the recordings that were made with the first one: calls have its number in front."""
    session = files[0].name.split("_")[0]
    together = [one for one in files if one.name.split("_")[0] == session] if len(session) > 5 else files
    for file in (together if len(together) > 1 else files)[:FIELD_FILES]:
        yield from _pieces(decode(read_file(file)))


def _pieces(samples: FloatArray) -> Iterator[FloatArray]:
    """What is spoken between pauses of 0.3 s, cut where it is longer than 6 s."""
    shortest, longest = PIECE
    for start, end in _joined(SileroVad().speech_segments(samples), LONGEST_PAUSE):
        for at in range(start, end - shortest, longest):
            yield samples[at : min(at + longest, end)]


def _joined(segments: Iterable[Span], longest_pause: int) -> Iterator[Span]:
    """`segments`, ascending, as stretches that no pause of more than `longest_pause` interrupts."""
    open_: Span | None = None
    for start, end in segments:
        if open_ is not None and start - open_[1] <= longest_pause:
            open_ = (open_[0], end)
            continue
        if open_ is not None:
            yield open_
        open_ = (start, end)
    if open_ is not None:
        yield open_


def _noises(speech: Path) -> tuple[FloatArray, ...]:
    """Without the room impulse responses, which lie beside them."""
    files = [file for file in recordings(speech / "noise") if not file.name.startswith("rir")]
    return tuple(decode(read_file(file)) for file in files)
