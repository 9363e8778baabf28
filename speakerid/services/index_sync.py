"""Keeps the vector index in step with SQL: the one place that knows both.

The index is a read model, one per gallery. A change is applied by reading the speaker's voiceprint as it is now, under
the gallery's lock, so changes can be applied late, twice or in any order, and the last word is always SQL's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

import numpy as np

from speakerid.db.engine import Database, Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import changes, galleries, voiceprints
from speakerid.db.repositories.changes import BEGINNING, Position
from speakerid.db.repositories.voiceprints import ShortlistRow, Voiceprint
from speakerid.db.store_file import Revision
from speakerid.db.types import usual_dim
from speakerid.index.base import Keys, VectorIndex
from speakerid.index.faiss import FrozenLayers, LayeredIndex
from speakerid.index.snapshot import SnapshotOrigin
from speakerid.scoring.calibration import OwnStrangers, Strangers
from speakerid.services.cross_speaker import CrossSpeakerScores, cross_speaker_scores
from speakerid.services.neighbors import NO_NEIGHBORS, EncoderShape, Neighbors
from speakerid.services.snapshots import Opened, Snapshots, origin
from speakerid.types import FloatArray

logger = logging.getLogger(__name__)

BYTES = 4  # a number
LOAD_ROWS = 10_000  # voiceprints read at a time while an index is built
FOLLOWED = 1_000  # speakers named in one statement
SHORTLISTED = 20_000  # of a gallery in memory, 300 bytes each


@dataclass(eq=False)
class GalleryIndex:
    """What this process has of one gallery: another object once it was erased."""

    vectors: VectorIndex | None = None  # None until there is a voiceprint
    encoder: str | None = None  # fingerprint of what its voiceprints were made with
    position: Position = BEGINNING  # of the log: what is before it is in the index
    damaged: set[int] = field(default_factory=set)  # speaker keys whose row cannot be used: not searched
    changes: int = 0  # of the log since it was built
    erased: int = 0  # voiceprints taken out since it was built
    cross_speaker: CrossSpeakerScores | None = None
    thread: threading.Thread | None = None  # that rebuilds it or writes its snapshot
    revision: Revision | None = None  # of the store, when it was brought up to date
    lock: threading.Lock = field(default_factory=threading.Lock)  # of whoever brings it up to date

    def __len__(self) -> int:
        return 0 if self.vectors is None else len(self.vectors)

    @property
    def is_small(self) -> bool:
        """Whether it is compressed and need not be any more."""
        return isinstance(self.vectors, LayeredIndex) and self.vectors.is_small

    def every_key(self) -> Keys:
        """Of those who have a voiceprint, rising."""
        stored = np.empty(0, np.int64) if self.vectors is None else self.vectors.keys()
        return np.union1d(stored, np.array(sorted(self.damaged), np.int64)) if self.damaged else stored


class IndexSync:
    """`new_index(dim)` makes an empty VectorIndex; galleries are loaded on first use or by `load_all`."""

    def __init__(
        self,
        database: Database,
        new_index: Callable[[int], VectorIndex],
        encoder: EncoderShape | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        """`encoder`: the running one, whose galleries hold vectors of its `dim` and nothing else."""
        self._database = database
        self._encoder = encoder
        self._new_index = new_index
        self._galleries: dict[int, GalleryIndex] = {}
        self._snapshots, self._blank = snapshots or Snapshots(), None if snapshots is None else snapshots.blank
        self._followed: Position | None = None  # by `follow`

    def load_all(self) -> None:
        """Build the index of every gallery of the encoder, from its snapshot or from SQL."""
        for gallery_key in [key for key, own in self._own().items() if own]:
            self.catch_up(gallery_key)

    def loaded(self) -> set[int]:
        """Keys of the galleries that have an index in memory."""
        return {key for key, index in tuple(self._galleries.items()) if index.vectors is not None}

    def sizes(self) -> list[int]:
        """Voiceprints of each gallery that has an index in memory."""
        return [len(index) for index in tuple(self._galleries.values()) if index.vectors is not None]

    def search(self, gallery_key: int, query: FloatArray, k: int) -> Neighbors:
        """The nearest voiceprints to `query (dim,)`, of all that is committed; none of another length."""
        vectors = self.catch_up(gallery_key).vectors
        if vectors is None or not len(vectors) or vectors.dim != len(query):
            return NO_NEIGHBORS
        size = len(vectors)
        return Neighbors(keys=tuple(vectors.search(query[None, :], min(k, size)).keys[0].tolist()), size=size)

    def damaged(self) -> list[int]:
        """Keys of the speakers who are kept out of the loaded indexes, because their rows cannot be used."""
        return sorted(key for index in tuple(self._galleries.values()) for key in tuple(index.damaged))

    def size(self, gallery_key: int) -> int:
        """Voiceprints of the gallery."""
        return len(self.catch_up(gallery_key))

    def lag(self) -> int:
        """How many committed changes the indexes in memory do not have at this moment. They are brought in."""
        with self._database.read() as db:
            held = [(key, index) for key, index in tuple(self._galleries.items()) if index.vectors is not None]
            behind = sum(changes.count_since(db, key, index.position) for key, index in held)
        self.follow()
        return behind

    def follow(self) -> None:
        """Bring in what changed elsewhere, and drop what was erased elsewhere, from memory and from every snapshot."""
        self.leave()
        held = self.loaded()
        with self._database.read() as db:
            position = changes.position(db)
            changed = held if self._followed is None else changes.galleries_since(db, held, self._followed)
            self._snapshots.follow(db, held, self._followed)
        for gallery_key in changed:
            self.catch_up(gallery_key)
        self._followed = position

    def leave(self) -> None:
        """Drop indexes and snapshots of erased galleries, and the indexes of those that have another encoder now."""
        held, own = {*tuple(self._galleries), *self._snapshots.kept()}, self._own()  # one that is made meanwhile stays
        self.forget(held - set(own))
        for gallery_key in {key for key in held if not own.get(key)}:
            self._galleries.pop(gallery_key, None)

    def apply(self, touched: dict[int, set[int]]) -> None:
        """Apply what was just committed here, so that no search has to."""
        for gallery_key, speaker_keys in touched.items():
            if self._blank is not None:
                self._blank(gallery_key, speaker_keys)
            index = self._galleries.get(gallery_key)
            if index is not None and index.vectors is not None:
                self.catch_up(gallery_key, speaker_keys)

    def forget(self, gallery_keys: Iterable[int]) -> None:
        """Drop the indexes of erased galleries, with their snapshots."""
        for gallery_key in gallery_keys:
            self._galleries.pop(gallery_key, None)
            self._snapshots.forget(gallery_key)

    def purge(self) -> None:
        """Take out of the snapshots what was erased by a process that was killed before it could, or elsewhere."""
        if self._blank is not None:
            with self._database.read() as db:
                self._snapshots.purge(db)

    def load_soon(self, gallery_key: int) -> None:
        """In a thread: until it is done, searches of this gallery wait, and others do not."""
        index = self._galleries.setdefault(gallery_key, GalleryIndex())
        self._behind(gallery_key, index, partial(self.catch_up, gallery_key))

    def close(self) -> None:
        """Wait for indexes that are being loaded, and snapshots that are being written."""
        for index in tuple(self._galleries.values()):
            while index.thread is not None and index.thread.is_alive():
                index.thread.join()

    def catch_up(self, gallery_key: int, also: Collection[int] = ()) -> GalleryIndex:
        """The gallery's index, after the part of the log that was not applied yet; `also`: these just changed."""
        index = self._galleries.setdefault(gallery_key, GalleryIndex())
        revision = self._database.revision()  # before the look: what is committed meanwhile is looked for again
        if not also and self._is_current(gallery_key, index, revision):
            return index
        with index.lock:
            if exact_again := index.is_small:  # until then searches go on with what there is
                self._snapshots.forget(gallery_key)
            opened = self._snapshots.open(gallery_key) if index.vectors is None else None
            with self._database.read() as db:  # the snapshot is taken inside the lock: time never runs back
                now, encoder = changes.standing(db, gallery_key)
                if index.vectors is None or exact_again or index.encoder != encoder:
                    if not self._resume(db, gallery_key, index, opened, now):
                        self._load(db, gallery_key, index, encoder)
                else:
                    self._read_log(db, gallery_key, index, index.position)
                index.position = now
                index.revision = revision
                self._tend(db, gallery_key, index)
        return index

    def recognized(self, gallery_key: int, keys: Sequence[int]) -> list[Voiceprint]:
        """Those of `keys` who may be recognized as the store is now, in no order: their vectors are not read again."""
        index = self.catch_up(gallery_key)
        held = None
        if index.revision is not None and index.vectors is not None:  # None: the log is behind the store (PostgreSQL)
            held = index.vectors.vectors(np.array(sorted(set(keys)), np.int64))
        if held is None:
            dim = None if self._encoder is None else self._encoder.dim
            with self._database.read() as db:
                return voiceprints.with_voice(db, gallery_key, keys, dim)
        rows = self._shortlist(gallery_key, keys)
        pairs = zip(held[0].tolist(), held[1], strict=True)
        return [Voiceprint(rows[key], vector) for key, vector in pairs if key in rows and rows[key].consents]

    def _shortlist(self, gallery_key: int, keys: Sequence[int]) -> dict[int, ShortlistRow]:
        """By key; those are read that were not since the last commit."""
        known: dict[int, ShortlistRow] = self._database.remembered(("shortlist", gallery_key), lambda _: {})
        found = {key: row for key in keys if (row := known.get(key)) is not None}  # others may clear it meanwhile
        missing = [key for key in keys if key not in found]
        if missing:
            read = {one.key: one for one in voiceprints.shortlist(self._database, gallery_key, missing)}
            if len(known) > SHORTLISTED:
                known.clear()
            known.update(read)
            found |= read
        return found

    def own_strangers(self, gallery_key: int, default: Strangers) -> OwnStrangers | None:
        """How strangers score in the gallery; None for too few speakers.

        Reads the store: never inside a write transaction.
        """
        index = self.catch_up(gallery_key)
        if index.vectors is None:
            return None
        found = index.cross_speaker
        if found is None or found.is_stale(len(index), index.changes, index.erased):
            changed, erased = index.changes, index.erased  # as they are before the store is read
            with self._database.read() as db:
                keys = index.every_key()
                found = cross_speaker_scores(db, gallery_key, keys, len(keys), default)
            index.cross_speaker = found = replace(found, changes=changed, erased=erased)
        return found.own

    def _own(self) -> dict[int, bool]:
        """Whether each gallery of the store was made with the encoder."""
        with self._database.read() as db:
            return {key: self._encoder is None or of == self._encoder.fingerprint for key, of in galleries.encoders(db)}

    def _is_current(self, gallery_key: int, index: GalleryIndex, revision: Revision | None) -> bool:
        """Without the lock: whoever changes it meanwhile keeps no search waiting."""
        if revision is not None and revision == index.revision:
            return True
        if index.vectors is None:
            return False
        watch = self._database.watch
        if watch is not None and (seen := watch.glance(changes.NEWEST, {"gallery_key": gallery_key})) is not None:
            [(newest, encoder)] = seen
            current = (newest or 0) < index.position.end and encoder == index.encoder
        else:
            with self._database.read() as db:
                current = not changes.any_since(db, gallery_key, index.position)
                current = current and voiceprints.encoder_of(db, gallery_key) == index.encoder
        index.revision = revision if current else index.revision
        return current

    def _read_log(self, db: Handle, gallery_key: int, index: GalleryIndex, position: Position) -> None:
        """Apply the log behind the position."""
        changed = changes.since(db, gallery_key, position)
        if self._blank is not None:
            self._blank(gallery_key, changed)
        for some in _in_parts(changed):
            self._refresh(db, gallery_key, index, some)
        index.changes += len(changed)

    def _resume(self, db: Handle, gallery_key: int, index: GalleryIndex, opened: Opened | None, now: Position) -> bool:
        """Begin with the snapshot and apply the log. False where there is none, or none that can be used."""
        if opened is None or not self._snapshots.is_usable(db, gallery_key, opened, now):
            return False
        of, vectors = opened
        index.vectors, index.damaged = LayeredIndex(vectors.dim, vectors), set(of.damaged)
        index.encoder = of.encoder
        self._read_log(db, gallery_key, index, Position.before(of.position))
        return True

    def _load(self, db: Handle, gallery_key: int, index: GalleryIndex, encoder: str | None) -> None:
        """`encoder`: read before anything else. Where the gallery changes it meanwhile, the next look loads again."""
        vectors, damaged = None, set[int]()
        parts = voiceprints.stored_voiceprints(db, gallery_key, LOAD_ROWS)
        first = next(parts, None)
        if first is not None:
            unreadable = voiceprints.unreadable(db, gallery_key)
            vectors = self._new_index(self._dim(db, gallery_key, first))
            vectors.load(
                voiceprints.vectors_of(rows, vectors.dim, unreadable, damaged) for rows in chain([first], parts)
            )
        index.vectors, index.damaged, index.cross_speaker = vectors, damaged, None
        index.encoder = encoder

    def _refresh(self, db: Handle, gallery_key: int, index: GalleryIndex, wanted: Sequence[int]) -> None:
        if index.vectors is None:
            return
        rows, unreadable = voiceprints.changed(db, gallery_key, wanted)
        before = len(index.vectors)
        index.vectors.remove(np.array(sorted(set(wanted) - {key for key, _ in rows}), np.int64))
        index.erased += before - len(index.vectors)
        if rows and not len(index.vectors):  # what is known of the dimension may change while empty
            index.vectors = self._new_index(self._dim(db, gallery_key, rows))
        damaged = set[int]()
        keys, vectors = voiceprints.vectors_of(rows, index.vectors.dim, unreadable, damaged)
        index.vectors.upsert(keys, vectors)
        index.vectors.remove(np.array(sorted(damaged), np.int64))
        index.damaged = index.damaged.difference(wanted) | damaged

    def _tend(self, db: Handle, gallery_key: int, index: GalleryIndex) -> None:
        """Let a thread rebuild what grew too much, and write the snapshot of what was built anew."""
        vectors = index.vectors
        if not isinstance(vectors, LayeredIndex) or vectors.is_small or not (vectors.is_due or vectors.is_new):
            return
        if index.thread is not None and index.thread is not threading.current_thread() and index.thread.is_alive():
            return
        if index.encoder is not None and (gallery := galleries.by_key(db, gallery_key)) is not None:
            of = origin(gallery, index.encoder, index.position, index.damaged)
            self._behind(gallery_key, index, partial(self._rebuild, gallery, vectors, vectors.freeze(), of))

    def _rebuild(self, gallery: GalleryRow, vectors: LayeredIndex, frozen: FrozenLayers, of: SnapshotOrigin) -> None:
        self._snapshots.save(self._database, gallery, of, vectors.rebuild(frozen))

    def _behind(self, gallery_key: int, index: GalleryIndex, work: Callable[[], object]) -> None:
        """Do it in a thread."""

        def run() -> None:
            try:
                work()
            except Exception as error:  # the one there is goes on to be right, and the next change tries again
                logger.error("the index of gallery %d could not be rebuilt", gallery_key, exc_info=error)

        index.thread = threading.Thread(target=run, name="index", daemon=True)
        index.thread.start()

    def _dim(self, db: Handle, gallery_key: int, rows: Sequence[tuple[int, bytes]]) -> int:
        """Of how many numbers a voiceprint of this gallery is, 1 where that cannot be known."""
        gallery = galleries.by_key(db, gallery_key)
        if self._encoder is not None and gallery and gallery.encoder_fingerprint == self._encoder.fingerprint:
            return self._encoder.dim
        return usual_dim([data for _, data in rows]) // BYTES or 1


def _in_parts(speaker_keys: Iterable[int]) -> Iterator[list[int]]:
    every = sorted(speaker_keys)
    return (every[start : start + FOLLOWED] for start in range(0, len(every), FOLLOWED))
