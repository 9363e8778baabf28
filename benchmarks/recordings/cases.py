"""Recordings of which it is known who speaks when, and what speakerid answers to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.recordings.reference import STRANGER, ReferenceTurn, in_seconds
from recipes.simulation.conversations import CALL, FIELD, Cast, Scene, conversations, field_cast
from speakerid.audio.decode import decode
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.evaluation.rttm import read_rttm
from speakerid.types import FloatArray, Recording
from speakerid.verbs import SpeakerID

COUNT = 28  # conversations: four of each size from 2 to 8
SEED = 2
FIT_SEED = 1
CALLS = 12


@dataclass(frozen=True)
class Case:
    name: str
    samples: FloatArray
    truth: tuple[ReferenceTurn, ...]
    enrolled: frozenset[str] = frozenset()

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def speakers(self) -> int:
        return len({one.speaker for one in self.truth})


@dataclass(frozen=True)
class Answered:
    case: Case
    recording: Recording

    def voices(self) -> list[ReferenceTurn]:
        return [ReferenceTurn(turn.start, turn.end, turn.voice) for turn in self.recording.turns]

    def named(self) -> list[ReferenceTurn]:
        return [ReferenceTurn(turn.start, turn.end, name_of(turn.speaker)) for turn in self.recording.turns]

    def known_truth(self) -> list[ReferenceTurn]:
        """All who are not enrolled are strangers."""
        return [
            ReferenceTurn(one.start, one.end, one.speaker if one.speaker in self.case.enrolled else STRANGER)
            for one in self.case.truth
        ]


def name_of(speaker: object) -> str:
    return STRANGER if speaker is None else str(getattr(speaker, "name", STRANGER))


def meetings(folder: Path) -> Iterator[Case]:
    """AMI excerpts beside their RTTM files."""
    truth = {name: turns for file in sorted(folder.glob("*.rttm")) for name, turns in read_rttm(file).turns.items()}
    for file in sorted(folder.glob("*.flac")):
        yield Case(file.stem, decode(read_file(file)), truth[file.stem])


def made(cast: Cast, count: int = COUNT, seed: int = SEED, scene: Scene | None = None) -> Iterator[Case]:
    for one in conversations(cast, count, seed, scene):
        truth = tuple(in_seconds((turn.span, turn.speaker) for turn in one.turns))
        yield Case(one.name, one.samples, truth, one.enrolled)


def calls(speech: Path, first: int = 1) -> list[Case]:
    """Two people of real telephone calls, joined into one, 8 kHz; every other person, from the `first` on."""
    return list(made(field_cast(speech, "calls", first, 2), CALLS, SEED, CALL))


def to_fit(speech: Path, cast: Cast, count: int) -> dict[str, list[Case]]:
    """Recordings of several kinds, none of which is measured but AMI."""
    field = {
        domain: list(made(field_cast(speech, domain), count // 2, FIT_SEED, FIELD))
        for domain in ("ocean", "homes", "sorbian")
    }
    read = list(made(cast, count, FIT_SEED))
    return {"read": read, "calls": calls(speech, 0), "ami": list(meetings(speech / "ami"))} | field


def enroll(sid: SpeakerID, cast: Cast) -> None:
    for member in cast.voices:
        if member.enroll is not None:
            sid.enroll(member.name, *((samples, SAMPLE_RATE_HZ) for samples in member.enroll))


Said = Literal["speakers", "min_speakers", "max_speakers"]


def answered(sid: SpeakerID, cases: Sequence[Case], said: Said | None = None) -> list[Answered]:
    """`said`: which bound the true number of speakers is given as."""
    given: list[dict[str, Any]] = [{said: case.speakers} if said else {} for case in cases]
    return [
        Answered(case, sid.recording((case.samples, SAMPLE_RATE_HZ), **bounds))
        for case, bounds in zip(cases, given, strict=True)
    ]
