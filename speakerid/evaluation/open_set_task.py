"""Who is enrolled with what, and what is asked, in each domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from speakerid.audio.files import read_file
from speakerid.audio.prepare import Preparer
from speakerid.audio.vad import SileroVad
from speakerid.evaluation.domains import Decode, Domain, Utterance, shuffled
from speakerid.evaluation.trees import speaker_tree
from speakerid.types import FloatArray

ASKED = 5  # utterances of each speaker
BYSTANDERS = STRANGERS = 100  # LibriSpeech speakers who are enrolled, and who are asked


@dataclass(frozen=True)
class Task:
    """Samples at 16 kHz, as recorded."""

    domain: str
    enroll: dict[str, list[FloatArray]]
    known: list[tuple[str, FloatArray]]  # other utterances, of other sessions where there are any
    strangers: list[tuple[str, FloatArray]]


def domain_task(domain: Domain, enrolled: int, utterances: int) -> Task:
    """Half of the speakers, `enrolled` at most, with `utterances` each; as many of the others are strangers."""
    decode = Preparer(SileroVad()).decode
    half = min(enrolled, (len(domain.speakers) + 1) // 2)
    order = shuffled(domain.speakers, str)
    inside, outside = order[:half], order[half : 2 * half]
    enroll, known = dict[str, list[FloatArray]](), list[tuple[str, FloatArray]]()
    for speaker in inside:
        first, other = _sides(list(_utterances(domain, speaker, decode)))
        enroll[speaker] = [one.samples for one in first[:utterances]]
        known += [(speaker, one.samples) for one in other[:ASKED]]
    strangers = [
        (speaker, one.samples) for speaker in outside for one in islice(_utterances(domain, speaker, decode), ASKED)
    ]
    return Task(domain.name, enroll, known, strangers)


def librispeech_task(root: Path, utterances: int) -> Task:
    """5 speakers of `dev`, enrolled beside 100 of `train` with one utterance each; another 100 are strangers."""
    decode = Preparer(SileroVad()).decode
    dev, train = speaker_tree(root / "dev"), list(speaker_tree(root / "train").items())
    bystanders, strangers = dict(train[:BYSTANDERS]), train[BYSTANDERS : BYSTANDERS + STRANGERS]

    def read(files: Sequence[Path]) -> list[FloatArray]:
        return [decode(read_file(file)) for file in files]

    enroll = {name: read(files[:utterances]) for name, files in dev.items()}
    return Task(
        "librispeech",
        enroll | {name: read(files) for name, files in bystanders.items()},
        [(name, samples) for name, files in dev.items() for samples in read(files[utterances:])],
        [(name, samples) for name, files in strangers for samples in read(files)],
    )


def _utterances(domain: Domain, speaker: str, decode: Decode) -> Iterator[Utterance]:
    return (one for take in domain.takes_of(speaker) for one in domain.utterances(take, decode))


def _sides(utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[Utterance]]:
    """Those of half of the sessions, and of the others."""
    sessions = list(dict.fromkeys(one.session for one in utterances))
    first = set(sessions[: (len(sessions) + 1) // 2])
    return [one for one in utterances if one.session in first], [one for one in utterances if one.session not in first]
