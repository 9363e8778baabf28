"""A corpus: recordings by name however they are laid out on disk; the splits and trials that it gives."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from speakerid.evaluation.errors import BadEntry, EmptyList, NoRecordings, OneSpeaker, SpeakersUnknown
from speakerid.evaluation.tables import read_table
from speakerid.evaluation.trials import Places, TrialList, checked

KEY_PARTS = 3  # speaker/session/file
TRAIN, DEV, TEST = 1, 2, 3
MOST = 1_000_000  # of either kind; of more so many are drawn at random, with a fixed seed


@dataclass(frozen=True)
class CorpusRecording:
    """`start_s` and `duration_s` cut a part out of the file; None lasts to its end."""

    name: str
    path: Path
    speaker: str | None = None
    start_s: float = 0.0
    duration_s: float | None = None


@dataclass(frozen=True)
class Corpus:
    name: str
    layout: str  # for people: `Kaldi directory`
    recordings: tuple[CorpusRecording, ...] = field(repr=False)

    def find(self, name: str) -> CorpusRecording | None:
        """The recording a list calls `name`: by its whole name, or by its last three path parts without suffix."""
        return self._by_name.get(name) or self._by_key.get(key(name))

    def by_speaker(self) -> dict[str, list[CorpusRecording]]:
        """Raises SpeakersUnknown when a recording has none, OneSpeaker below two."""
        found: defaultdict[str, list[CorpusRecording]] = defaultdict(list)
        for one in self.recordings:
            if one.speaker is None:
                raise SpeakersUnknown(f"Nothing says who speaks in {one.name!r}. Name the speaker of every recording.")
            found[one.speaker].append(one)
        if len(found) < 2:
            raise OneSpeaker(self.name, len(found))
        return dict(sorted(found.items()))

    @cached_property
    def _by_name(self) -> dict[str, CorpusRecording]:
        return {one.name: one for one in self.recordings}

    @cached_property
    def _by_key(self) -> dict[str, CorpusRecording]:
        """Of two with one key the first counts, as when a corpus holds `.wav` beside the `.m4a` they were made of."""
        found: dict[str, CorpusRecording] = {}
        for one in self.recordings:
            found.setdefault(key(one.name), one)
        return found


def key(name: str) -> str:
    """`id10270/5r0dWxy17C8/00001` of any path that ends in it, whatever its suffix."""
    path = PurePosixPath(name.replace("\\", "/"))
    return "/".join((*path.parts[-KEY_PARTS:-1], path.stem))


def corpus_of(root: Path, layout: str, recordings: Iterable[CorpusRecording]) -> Corpus:
    """Raises NoRecordings."""
    found = tuple(recordings)
    if not found:
        raise NoRecordings(root)
    return Corpus(root.resolve().name, layout, found)


def audio_files(root: Path, suffixes: Iterable[str]) -> Iterator[Path]:
    """Below `root` in order of name, `.wav` first among equal stems; hidden files and folders are left out."""
    known = {suffix.lower() for suffix in suffixes}
    for folder, _, files in sorted(os.walk(root)):
        for file in sorted(files, key=_wav_first):
            path = Path(folder, file)
            if path.suffix.lower() in known and not any(p.startswith(".") for p in path.relative_to(root).parts):
                yield path


def _wav_first(file: str) -> tuple[str, bool]:
    stem, _, suffix = file.rpartition(".")
    return stem, suffix.lower() != "wav"


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


def all_pairs(corpus: Corpus, most: int = MOST) -> TrialList:
    """Every pair of two recordings. Raises SpeakersUnknown, OneSpeaker, OneKindOfTrial."""
    speakers = corpus.by_speaker()
    names = [one.name for recordings in speakers.values() for one in recordings]
    owners = np.repeat(np.arange(len(speakers)), [len(recordings) for recordings in speakers.values()])
    rows = np.arange(len(names))
    behind = np.searchsorted(owners, owners, side="right")  # where the next speaker's recordings begin
    kinds = _pairs(rows + 1, behind, most), _pairs(behind, np.full_like(rows, len(names)), most)
    enroll, test = (np.concatenate(sides) for sides in zip(*kinds, strict=True))
    same = owners[enroll] == owners[test]
    text = "".join(f"{int(kind)} {names[a]} {names[b]}\n" for kind, a, b in zip(same, enroll, test, strict=True))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return checked(TrialList(f"pairs of {corpus.name}", digest, tuple(names), enroll, test, same))


def _pairs(first: Places, end: Places, most: int) -> tuple[Places, Places]:
    """Row k with each of `first[k]` to `end[k] - 1`."""
    ends = np.cumsum(end - first, dtype=np.intp)
    total = int(ends[-1])
    ranks = np.arange(total) if total <= most else np.sort(np.random.default_rng(0).choice(total, most, replace=False))
    rows = np.searchsorted(ends, ranks, side="right")
    partners = end[rows] - (ends[rows] - ranks)
    return rows, partners
