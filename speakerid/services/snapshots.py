"""Snapshots of large galleries' indexes, in a folder beside the store: a start without reading every voiceprint.

One is used only when it is whole, of this gallery, and what it holds of some speakers is what SQL has of them; else it
is deleted and made again. What changed since is taken from the change log, as ever.

A voiceprint that changed or was erased is overwritten in the file, before the erasure's answer; a gallery's file goes
with the gallery. `purge` does what a process that was killed left undone.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from speakerid.db.engine import Database, Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import changes, galleries, voiceprints
from speakerid.db.repositories.changes import Position
from speakerid.index import snapshot
from speakerid.index.base import Keys
from speakerid.index.compressed import CompressedVectors, quantized
from speakerid.index.snapshot import SnapshotOrigin, SnapshotUnusable, held
from speakerid.whole_files import sync

logger = logging.getLogger(__name__)

NEWEST, SPREAD = 64, 64  # speakers whose vectors are compared with SQL's
MOST_CHANGED = 0.1  # of a snapshot's vectors: beyond, it is made again
SNAPSHOT = re.compile(r"gallery-(\d+)\.snapshot")
Opened = tuple[SnapshotOrigin, CompressedVectors]


class Snapshots:
    def __init__(self, folder: Path | None = None, may_write: bool = True) -> None:
        """`folder` None: none are kept. `may_write`: whether voiceprints may lie in a file beside the store."""
        self._folder = folder
        self._may_write = may_write
        self._known: dict[Path, tuple[tuple[int, ...], float]] = {}  # which file it was, and its newest speaker

    def open(self, gallery_key: int) -> Opened | None:
        """Memory-mapped and whole; not compared with the store yet."""
        if (path := self._existing(gallery_key)) is None:
            return None
        try:
            with held(path.parent, alone=False):
                return snapshot.read(path)
        except FileNotFoundError:
            return None
        except (OSError, SnapshotUnusable) as error:
            self.refuse(gallery_key, str(error))
            return None

    def is_usable(self, db: Handle, gallery_key: int, opened: Opened, now: Position) -> bool:
        """For this gallery as it is; one that is not is deleted."""
        gallery = galleries.by_key(db, gallery_key)
        changed = changes.since(db, gallery_key, Position.before(opened[0].position))
        why = None if gallery is None else wrong(db, gallery, opened, changed, now)
        if why is not None:
            self.refuse(gallery_key, why)
        return gallery is not None and why is None

    def refuse(self, gallery_key: int, why: str) -> None:
        """Of a snapshot that cannot be used."""
        logger.warning("the index snapshot of gallery %d is not used, and made again: %s", gallery_key, why)
        self.forget(gallery_key)

    def save(self, database: Database, gallery: GalleryRow, of: SnapshotOrigin, vectors: CompressedVectors) -> bool:
        """Instead of an older one, without what changed meanwhile. Whether that was done: a failure is logged."""
        if self._folder is None or not self._may_write:
            return False
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _new_file(self._folder) as out:
                snapshot.write(out, of, vectors)
                with held(self._folder, alone=True), database.read() as db:
                    return self._publish(db, gallery.key, of, Path(out.name))
        except OSError as error:
            logger.warning("no index snapshot of gallery %d can be written: %s", gallery.key, error.strerror)
            return False

    def blank(self, gallery_key: int, speaker_keys: Collection[int]) -> None:
        """Overwrite what it has of these speakers; of those who came later it has nothing."""
        if self._folder is None or not speaker_keys:
            return
        with suppress(OSError), held(self._folder, alone=False):  # one that is just put in its place is looked at then
            path = self._existing(gallery_key)
            if path is None or min(speaker_keys) > self._newest(path):
                return
        if (path := self._existing(gallery_key)) is not None:
            with self._changing(path):
                _blank(path, speaker_keys)

    def _newest(self, path: Path) -> float:
        """The newest speaker that the file has: remembered, as each enrollment asks; no end where that is not known."""
        try:
            at = os.stat(path)
            which = (at.st_ino, at.st_size, at.st_mtime_ns)
            if self._known.get(path, (None, 0.0))[0] != which:
                self._known[path] = which, snapshot.newest_key(path)
            return self._known[path][1]
        except (OSError, SnapshotUnusable):
            return float("inf")

    def purge(self, db: Handle) -> None:
        """Overwrite whatever changed since it was written, and delete what no gallery or process needs."""
        for path in self._files():
            if found := SNAPSHOT.fullmatch(path.name):
                with self._changing(path):
                    self._bring_up_to_date(db, int(found[1]), path)
            else:
                _delete_orphan(path)

    def follow(self, db: Handle, loaded: Collection[int], since: Position | None) -> None:
        """Overwrite what changed since then; but not for the galleries that are `loaded`: with these, indexes do it."""
        if since is None:
            self.purge(db)
            return
        others = set[int]()
        if self._folder is not None:
            with suppress(OSError), held(self._folder, alone=False):  # with what is just put in its place
                others = self.kept().difference(loaded)
        for gallery_key in changes.galleries_since(db, others, since) if others else ():
            self.blank(gallery_key, changes.since(db, gallery_key, since))

    def kept(self) -> set[int]:
        """Keys of the galleries that have one; none in a folder that this process may not look into."""
        names = list[str]()
        if self._folder is not None:
            with suppress(OSError):
                names = os.listdir(self._folder)
        return {int(found[1]) for name in names if (found := SNAPSHOT.fullmatch(name))}

    def clear(self) -> None:
        """Delete those of every gallery. Raises OSError."""
        for path in () if self._folder is None else tuple(self._folder.glob("gallery-*.snapshot")):
            path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        """None in a folder that this process may not look into, such as another user's."""
        try:
            return [] if self._folder is None else list(self._folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            logger.warning("%s cannot be cleaned, delete it: %s", self._folder, error.strerror)
            return []

    def forget(self, gallery_key: int) -> None:
        """Delete it, with its gallery or because it is useless."""
        if self._folder is not None:
            with suppress(OSError), held(self._folder, alone=True):  # also one that is just put in its place
                if (path := self._existing(gallery_key)) is not None:
                    path.unlink(missing_ok=True)  # on a read-only medium it stays, and is passed over each time

    def _existing(self, gallery_key: int) -> Path | None:
        path = None if self._folder is None else self._folder / f"gallery-{gallery_key}.snapshot"
        return path if path is not None and os.path.exists(path) else None  # Path.exists may raise

    def _publish(self, db: Handle, gallery_key: int, of: SnapshotOrigin, made: Path) -> bool:
        path = made.parent / f"gallery-{gallery_key}.snapshot"
        with suppress(OSError, SnapshotUnusable):
            if path.exists() and snapshot.origin_of(path).position > of.position:
                return False
        self._bring_up_to_date(db, gallery_key, made)
        if made.exists():
            made.replace(path)
        return path.exists()

    def _bring_up_to_date(self, db: Handle, gallery_key: int, path: Path) -> None:
        gallery = galleries.by_key(db, gallery_key)
        if gallery is None or not self._may_write:
            path.unlink(missing_ok=True)
        else:
            since = Position.before(snapshot.origin_of(path).position)
            _blank(path, changes.since(db, gallery_key, since))

    @contextmanager
    def _changing(self, path: Path) -> Iterator[None]:
        """A file that cannot be changed is of no use, and deleted."""
        try:
            with held(path.parent, alone=True):
                yield
        except FileNotFoundError:
            pass
        except (OSError, SnapshotUnusable) as error:
            logger.warning("%s cannot be changed, so it is deleted: %s", path.name, error)
            with suppress(OSError):
                path.unlink(missing_ok=True)


def wrong(db: Handle, gallery: GalleryRow, opened: Opened, changed: Collection[int], now: Position) -> str | None:
    """Why it cannot be used for this gallery as it is; None where it can."""
    of, vectors = opened
    if of.gallery != _identity(gallery) or of.position > now.start:
        return "it is of another store, or of a later state of it"
    if of.encoder != gallery.encoder_fingerprint:
        return "it was made with another encoder"
    if len(changed) > MOST_CHANGED * len(vectors):
        return "too much changed since"
    return None if _agrees(db, gallery.key, vectors, changed) else "its vectors are not those of the store"


def origin(gallery: GalleryRow, encoder: str, position: Position, damaged: Collection[int]) -> SnapshotOrigin:
    """Of the gallery's vectors, made with the `encoder` of that fingerprint, with all changes before the `position`."""
    return SnapshotOrigin(_identity(gallery), encoder, position.start, tuple(sorted(damaged)))


def _identity(gallery: GalleryRow) -> str:
    """By which a gallery is told from those of other stores."""
    return f"{gallery.key} {gallery.created_at.isoformat()}"


def _agrees(db: Handle, gallery_key: int, vectors: CompressedVectors, changed: Collection[int]) -> bool:
    stored = vectors.stored
    spread = np.linspace(0, len(stored) - 1, SPREAD).astype(np.int64)
    at = np.unique(np.concatenate([spread, np.arange(max(0, len(stored) - NEWEST), len(stored))]))
    at = at[~np.isin(stored.keys[at], np.array(sorted(changed), np.int64))]
    rows = dict(voiceprints.between(db, gallery_key, keys=stored.keys[at].tolist()))
    for nth, key in zip(at.tolist(), stored.keys[at].tolist(), strict=True):
        if key not in rows or len(rows[key]) != vectors.dim:
            return False
        if not np.array_equal(quantized(stored.keys[:1], rows[key][None]).rows[0], stored.rows[nth]):
            return False
    return True


def _blank(path: Path, speaker_keys: Collection[int]) -> None:
    keys: Keys = np.array(sorted(speaker_keys), np.int64)
    if len(keys) > 0 and not snapshot.blank(path, keys, at_most=MOST_CHANGED):
        path.unlink(missing_ok=True)


@contextmanager
def _new_file(folder: Path) -> Iterator[BinaryIO]:
    """For its owner alone, and gone in the end unless it was renamed. Locked meanwhile, so that it is no orphan."""
    path = folder / f".{os.getpid()}-{os.urandom(4).hex()}.part"
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX)
            yield out
        finally:
            path.unlink(missing_ok=True)
            sync(folder)


def _delete_orphan(path: Path) -> None:
    """What a process that was killed was writing."""
    with suppress(OSError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
