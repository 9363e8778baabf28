"""Who is enrolled with what, and what is asked, in each domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from speakerid.audio.decode import Preparer, excerpt
from speakerid.audio.files import read_file, speaker_tree
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.calibration.domains import MIN_SPEECH_S, Decode, Domain, DomainUtterance, shuffled
from speakerid.calibration.labeled_domain import LabeledDomain, one_person_twice
from speakerid.encoders.base import Encoder
from speakerid.types import FloatArray

ASKED = 5  # utterances of each speaker
COMPARED = 8  # utterances of each speaker that show whether they are in the domain twice
BYSTANDERS = STRANGERS = 100  # LibriSpeech speakers who are enrolled, and who are asked


@dataclass(frozen=True)
class OpenSetTask:
    """Samples at 16 kHz, as recorded."""

    domain: str
    one_person_twice: int  # speakers left out
    enroll: dict[str, list[FloatArray]]
    known: list[tuple[str, FloatArray]]  # other utterances, of other sessions where there are any
    strangers: list[tuple[str, FloatArray]]


def domain_task(domain: Domain, encoder: Encoder, enrolled: int, utterances: int) -> OpenSetTask:
    """Half of the speakers, `enrolled` at most, with `utterances` each; as many of the others are strangers.

    Without speakers who sound to the encoder like an earlier one, as one person does in two recordings.
    """
    preparer = Preparer(SileroVad())
    decode, twice = preparer.decode, _one_person_twice(domain, encoder, preparer)
    order = shuffled(set(domain.speakers) - twice, str)
    half = min(enrolled, (len(order) + 1) // 2)
    inside, outside = order[:half], order[half : 2 * half]
    enroll, known = dict[str, list[FloatArray]](), list[tuple[str, FloatArray]]()
    for speaker in inside:
        first, other = _sides(list(_utterances(domain, speaker, decode)))
        enroll[speaker] = [one.samples for one in first[:utterances]]
        known += [(speaker, one.samples) for one in other[:ASKED]]
    strangers = [
        (speaker, one.samples) for speaker in outside for one in islice(_utterances(domain, speaker, decode), ASKED)
    ]
    return OpenSetTask(domain.name, len(twice), enroll, known, strangers)


def _one_person_twice(domain: Domain, encoder: Encoder, preparer: Preparer) -> set[str]:
    rows = list[tuple[int, FloatArray]]()
    for number, speaker in enumerate(domain.speakers):
        speech = (preparer.clean(one.samples).samples for one in _utterances(domain, speaker, preparer.decode))
        long = (one for one in speech if len(one) >= MIN_SPEECH_S * SAMPLE_RATE_HZ)
        rows += [(number, encoder.embed([excerpt(one)])[0]) for one in islice(long, COMPARED)]
    speakers, at = np.array([number for number, _ in rows], np.intp), np.arange(len(rows))
    labeled = LabeledDomain(domain.name, np.stack([row for _, row in rows]), speakers, at, np.ones(len(rows)))
    return {domain.speakers[number] for number in one_person_twice(labeled)}


def librispeech_task(root: Path, utterances: int) -> OpenSetTask:
    """5 speakers of `dev`, enrolled beside 100 of `train` with one utterance each; another 100 are strangers."""
    decode = Preparer(SileroVad()).decode
    dev, train = speaker_tree(root / "dev"), list(speaker_tree(root / "train").items())
    bystanders, strangers = dict(train[:BYSTANDERS]), train[BYSTANDERS : BYSTANDERS + STRANGERS]

    def read(files: Sequence[Path]) -> list[FloatArray]:
        return [decode(read_file(file)) for file in files]

    enroll = {name: read(files[:utterances]) for name, files in dev.items()}
    return OpenSetTask(
        "librispeech",
        0,
        enroll | {name: read(files) for name, files in bystanders.items()},
        [(name, samples) for name, files in dev.items() for samples in read(files[utterances:])],
        [(name, samples) for name, files in strangers for samples in read(files)],
    )


def _utterances(domain: Domain, speaker: str, decode: Decode) -> Iterator[DomainUtterance]:
    return (one for take in domain.takes_of(speaker) for one in domain.utterances(take, decode))


def _sides(utterances: Sequence[DomainUtterance]) -> tuple[list[DomainUtterance], list[DomainUtterance]]:
    """Those of half of the sessions, and of the others."""
    sessions = list(dict.fromkeys(one.session for one in utterances))
    first = set(sessions[: (len(sessions) + 1) // 2])
    return [one for one in utterances if one.session in first], [one for one in utterances if one.session not in first]
