"""What a store holds, read past the service: rows, voiceprints and the bytes of its files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import func, select

from benchmarks.attack.ledger import Person, State
from speakerid.db.engine import Handle, open_database
from speakerid.db.models import RecordingRow, SpeakerRow, UtteranceRow
from speakerid.types import FloatArray

FILES = ("", "-wal", "-journal")  # of a SQLite store


@dataclass(frozen=True)
class Truth:
    """Of the store's one gallery."""

    people: dict[str, Person]
    recordings: frozenset[str]
    voiceprints: dict[str, FloatArray]  # (dim,) by speaker
    means: dict[str, FloatArray]  # (dim,) of each speaker's utterances as they are now, L2-normalized
    receiving: int  # recordings that are only half there

    def known(self) -> set[str]:
        """Every id and name."""
        people = self.people.values()
        utterances = set[str]().union(*(person.utterances for person in people))
        return {*self.people, *self.recordings, *utterances, *(person.name for person in people)}

    def of(self, mark: str, *, recordings: bool) -> State:
        """What the client made whose names begin with `mark`."""
        own = {key: person for key, person in self.people.items() if person.name.startswith(mark)}
        return State(own, self.recordings if recordings else frozenset())


@contextmanager
def reading(store: Path) -> Iterator[Handle]:
    database = open_database(store)
    try:
        with database.read() as db:
            yield db
    finally:
        database.close()


def read(store: Path) -> Truth:
    """In one transaction."""
    with reading(store) as db:
        speakers = {row.key: row for row in db.scalars(select(SpeakerRow))}
        utterances = db.execute(select(UtteranceRow.id, UtteranceRow.speaker_key, UtteranceRow.embedding)).all()
        recordings = db.scalars(select(RecordingRow.id).where(RecordingRow.state != "receiving")).all()
        half = db.scalar(select(func.count(RecordingRow.key)).where(RecordingRow.state == "receiving")) or 0
    own = {key: [row for row in utterances if row.speaker_key == key] for key in speakers}
    return Truth(
        people={row.id: Person(row.name, frozenset(one.id for one in own[key])) for key, row in speakers.items()},
        recordings=frozenset(recordings),
        voiceprints={row.id: row.voiceprint for row in speakers.values() if row.voiceprint is not None},
        means={row.id: _mean([one.embedding for one in own[key]]) for key, row in speakers.items() if own[key]},
        receiving=half,
    )


def traces(store: Path, pattern: bytes) -> set[str]:
    """Every text that `pattern` finds in the files of a SQLite store."""
    files = (store.with_name(store.name + end) for end in FILES)
    return {found.decode() for file in files if file.exists() for found in re.findall(pattern, file.read_bytes())}


def _mean(embeddings: list[FloatArray]) -> FloatArray:
    total = np.stack(embeddings).astype(np.float64).sum(axis=0)
    return np.asarray(total / np.linalg.norm(total), np.float32)
