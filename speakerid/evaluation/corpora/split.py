"""Which recordings train or enroll and which are asked about: iden_split.txt, or the first half of each speaker's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from speakerid.evaluation.corpora.corpus import Corpus, key
from speakerid.evaluation.errors import BadEntry, EmptyList, OneSpeaker
from speakerid.evaluation.trials.table import read_table

TRAIN, DEV, TEST = 1, 2, 3


@dataclass(frozen=True)
class Item:
    name: str
    speaker: str


@dataclass(frozen=True)
class SpeakerSplit:
    name: str
    sha256: str
    train: tuple[Item, ...]
    dev: tuple[Item, ...]
    test: tuple[Item, ...]

    def __len__(self) -> int:
        return len(self.train) + len(self.dev) + len(self.test)


def read_iden_split(path: Path) -> SpeakerSplit:
    """`1|2|3 id…/session/file`: train, development, test. Raises BadEntry, OneSpeaker."""
    table = read_table(path)
    parts: dict[str, list[Item]] = {str(part): [] for part in (TRAIN, DEV, TEST)}
    for row, line in zip(table.rows, table.lines, strict=True):
        if len(row) != 2 or row[0] not in parts or key(row[1]).count("/") != 2:
            raise BadEntry(path, line, "expected is 1, 2 or 3 (train, development, test) and speaker/session/file.")
        parts[row[0]].append(Item(row[1], key(row[1]).split("/")[0]))
    train, dev, test = (tuple(items) for items in parts.values())
    return _checked(path, SpeakerSplit(path.name, table.sha256, train, dev, test))


def halves(corpus: Corpus) -> SpeakerSplit:
    """The first half of each speaker's recordings, by name, enrolls. Raises SpeakersUnknown, OneSpeaker."""
    train, test = list[Item](), list[Item]()
    for speaker, recordings in corpus.by_speaker().items():
        items = [Item(one.name, speaker) for one in sorted(recordings, key=lambda one: one.name)]
        train += items[: (len(items) + 1) // 2]
        test += items[(len(items) + 1) // 2 :]
    text = "".join(f"{part} {one.name}\n" for part, items in ((TRAIN, train), (TEST, test)) for one in items)
    name = f"halves of {corpus.name}"
    return SpeakerSplit(name, hashlib.sha256(text.encode()).hexdigest(), tuple(train), (), tuple(test))


def _checked(path: Path, split: SpeakerSplit) -> SpeakerSplit:
    """Raises EmptyList without files to enroll or to ask about, OneSpeaker."""
    if not split.train or not split.test:
        raise EmptyList(path)
    speakers = {one.speaker for one in split.train}
    if len(speakers) < 2:
        raise OneSpeaker(path.name, len(speakers))
    return split
