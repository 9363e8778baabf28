"""A corpus: recordings by name, whoever laid them out on disk."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from speakerid.evaluation.errors import NoRecordings, OneSpeaker, SpeakersUnknown

KEY_PARTS = 3  # speaker/session/file


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


def made(root: Path, layout: str, recordings: Iterable[CorpusRecording]) -> Corpus:
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
