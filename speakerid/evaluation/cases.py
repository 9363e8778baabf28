"""Recordings of which it is known who speaks when, and what speakerid answers to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from speakerid.audio.decode import decode
from speakerid.audio.files import read_file
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.evaluation.conversations import Cast, conversations
from speakerid.evaluation.spoken import STRANGER, Said, in_seconds, read_rttm
from speakerid.timeline import Recording
from speakerid.types import FloatArray
from speakerid.verbs import SpeakerID

COUNT = 28  # conversations: four of each size from 2 to 8
SEED = 2
FIT_SEEDS = (1, 11)


@dataclass(frozen=True)
class Case:
    name: str
    samples: FloatArray
    truth: tuple[Said, ...]
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

    def voices(self) -> list[Said]:
        return [Said(turn.start, turn.end, turn.voice) for turn in self.recording.turns]

    def named(self) -> list[Said]:
        return [Said(turn.start, turn.end, name_of(turn.speaker)) for turn in self.recording.turns]

    def known_truth(self) -> list[Said]:
        """Everybody who is not enrolled is a stranger."""
        return [
            Said(one.start, one.end, one.speaker if one.speaker in self.case.enrolled else STRANGER)
            for one in self.case.truth
        ]


def name_of(speaker: object) -> str:
    return STRANGER if speaker is None else str(getattr(speaker, "name", STRANGER))


def meetings(folder: Path) -> Iterator[Case]:
    """AMI excerpts beside their RTTM files."""
    truth = {name: said for file in sorted(folder.glob("*.rttm")) for name, said in read_rttm(file).items()}
    for file in sorted(folder.glob("*.flac")):
        yield Case(file.stem, decode(read_file(file)), tuple(truth[file.stem]))


def made(cast: Cast, count: int = COUNT, seed: int = SEED) -> Iterator[Case]:
    for one in conversations(cast, count, seed):
        truth = tuple(in_seconds((said.span, said.speaker) for said in one.said))
        yield Case(one.name, one.samples, truth, one.enrolled)


def enroll(sid: SpeakerID, cast: Cast) -> None:
    for voice in cast.voices:
        if voice.enroll is not None:
            sid.enroll(voice.name, *((samples, SAMPLE_RATE_HZ) for samples in voice.enroll))


def answered(sid: SpeakerID, cases: Sequence[Case], *, known_number: bool = False) -> list[Answered]:
    return [
        Answered(case, sid.recording((case.samples, SAMPLE_RATE_HZ), speakers=case.speakers if known_number else None))
        for case in cases
    ]
