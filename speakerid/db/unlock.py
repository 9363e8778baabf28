"""Open a store with a master key, or without one: from then on it is what it was opened as, or it is refused."""

from __future__ import annotations

import logging

from sqlalchemy import event, select, text

from speakerid.db import pgvector
from speakerid.db.binding import bind_rows
from speakerid.db.cipher import MasterKey
from speakerid.db.engine import Database, Handle
from speakerid.db.keyring import Keyring
from speakerid.db.models import (
    EncryptionRow,
    GalleryRow,
    RecordingRow,
    RepairRow,
    RepeatRow,
    SpeakerRow,
    UnknownVoiceRow,
)
from speakerid.db.sealing import KEYRING
from speakerid.errors import (
    EncryptionUnfinished,
    MasterKeyMissing,
    MasterKeyWrong,
    StoreNotEncrypted,
)

logger = logging.getLogger(__name__)

ONLY = 1  # the id of the one row
HELD = (SpeakerRow, RecordingRow, RepairRow, RepeatRow, UnknownVoiceRow)  # what a gallery has of people
PLAIN, ENCRYPTED = (0, 0), (1, 0)


def unlock(database: Database, master: MasterKey | None) -> None:
    """A store without people is encrypted from now on, where there is a master key.

    Raises MasterKeyMissing, MasterKeyWrong, StoreNotEncrypted, EncryptionUnfinished.
    """
    with database.read() as db:
        found = db.get(EncryptionRow, ONLY)
        if found is None and master is not None and not _is_bare(db):
            raise StoreNotEncrypted
    if found is None and master is not None:
        with database.write() as db:
            found = begin(database, db, master, unfinished=False)
    require_key(found, master)
    if found is not None and found.unfinished is not None:
        raise EncryptionUnfinished
    use(database, master)


def require_key(found: EncryptionRow | None, master: MasterKey | None) -> None:
    """Raises MasterKeyMissing, MasterKeyWrong."""
    if found is not None and master is None:
        raise MasterKeyMissing
    if found is not None and master is not None and found.master_id != master.id.hex():
        raise MasterKeyWrong


def begin(database: Database, db: Handle, master: MasterKey, *, unfinished: bool) -> EncryptionRow:
    """Each gallery gets a key. Another process may have come first; what others write at this moment is waited for."""
    if not database.is_sqlite:  # every transaction of an opened store has read this table, and holds it (`use`)
        db.execute(text("LOCK TABLE encryption IN ACCESS EXCLUSIVE MODE"))
    if (found := db.get(EncryptionRow, ONLY)) is not None:
        return found
    if not unfinished and not _is_bare(db):
        raise StoreNotEncrypted
    pgvector.turn_off(db)  # it has voiceprints in plain
    row = EncryptionRow(id=ONLY, master_id=master.id.hex(), unfinished=[] if unfinished else None)
    db.add(row)
    db.flush()
    keyring = Keyring(database.engine, master)
    for gallery_key in list(db.scalars(select(GalleryRow.key))):
        keyring.add(db.connection(), gallery_key)
    return row


def use(database: Database, master: MasterKey | None, *, state: tuple[int, int] | None = None) -> None:
    """From now on values are sealed, with a master key. Every transaction looks whether the store is in `state`."""
    if master is not None:
        keyring = Keyring(database.engine, master)
        with database.engine.connect() as connection:
            for gallery_key in keyring.load(connection):
                logger.error("the key of the gallery with the number %d does not open: it cannot be read", gallery_key)
        database.keyring = keyring
        setattr(database.engine.dialect, KEYRING, keyring)
        database.engine.clear_compiled_cache()
        event.listen(database.engine, "before_execute", bind_rows, retval=True)
    database.expect(state or (PLAIN if master is None else ENCRYPTED))


def is_encrypted(database: Database) -> bool:
    """Whether the values of every gallery of an unlocked store are sealed: nothing of them may be written elsewhere."""
    return database.keyring is not None


def _is_bare(db: Handle) -> bool:
    return all(db.scalar(select(kind.id).limit(1)) is None for kind in HELD)
