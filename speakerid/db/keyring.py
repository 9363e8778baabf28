"""The data keys of an opened store."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Engine, insert, select

from speakerid.db.cipher import HEAD_BYTES, VERSION, DataKey, MasterKey, key_id
from speakerid.db.models import EncryptionRow, GalleryKeyRow
from speakerid.errors import DataDamaged, EncryptionChanged


class Keyring:
    """Data keys by their ids, unwrapped once. They are in memory as long as the store is open, and nowhere else."""

    def __init__(self, engine: Engine, master: MasterKey) -> None:
        self._engine, self._master = engine, master
        self._keys = dict[bytes, DataKey]()
        self._galleries = dict[bytes, int]()  # whose they are

    def __repr__(self) -> str:
        return f"Keyring({len(self._keys)} keys)"

    def of_gallery(self, connection: Connection, gallery_key: int) -> DataKey:
        """Raises DataDamaged."""
        query = select(GalleryKeyRow.wrapped).where(GalleryKeyRow.gallery_key == gallery_key)
        found = self._unwrapped(connection.execute(query).scalar_one_or_none() or b"", gallery_key)
        if found is None:
            raise DataDamaged("the key of this gallery")
        return found

    def opened(self, sealed: bytes, place: bytes) -> bytes:
        """Raises ValueError for what was changed, or belongs elsewhere."""
        key = self._keys.get(sealed[len(VERSION) : HEAD_BYTES])
        if key is None and sealed.startswith(VERSION):
            key = self._found(key_id(sealed))
        plain = None if key is None else key.open(sealed, place)
        if plain is None:
            raise ValueError("no value of this place")
        return plain

    def add(self, connection: Connection, gallery_key: int) -> None:
        """Make the key of a new gallery. Raises EncryptionChanged when the master key is another by now."""
        self.require_master(connection)
        made, wrapped = self._master.new_data_key(gallery_key)
        self._keep(made, gallery_key)
        connection.execute(insert(GalleryKeyRow), {"gallery_key": gallery_key, "wrapped": wrapped})

    def require_master(self, connection: Connection) -> None:
        """Raises EncryptionChanged where the store got another master key since it was opened."""
        if connection.execute(select(EncryptionRow.master_id)).scalar_one_or_none() != self._master.id.hex():
            raise EncryptionChanged

    def rewrapped(self, wrapped: bytes, gallery_key: int, master: MasterKey) -> bytes | None:
        """The same data key for another master key; None where it does not open."""
        key = self._master.unwrap(wrapped, gallery_key)
        return None if key is None else master.wrap(key, gallery_key)

    def load(self, connection: Connection) -> list[int]:
        """Keys of the galleries whose data key does not open."""
        rows = connection.execute(select(GalleryKeyRow.gallery_key, GalleryKeyRow.wrapped))
        return [gallery for gallery, wrapped in rows if self._unwrapped(wrapped, gallery) is None]

    def forget(self, gallery_keys: Iterable[int]) -> None:
        """Of erased galleries."""
        gone = set(gallery_keys)
        for one in [one for one, gallery in tuple(self._galleries.items()) if gallery in gone]:
            del self._galleries[one], self._keys[one]

    def _unwrapped(self, wrapped: bytes, gallery_key: int) -> DataKey | None:
        known = self._keys.get(key_id(wrapped))
        if known is not None and self._galleries.get(known.id) != gallery_key:
            return None  # put there from another gallery
        if known is None and (known := self._master.unwrap(wrapped, gallery_key)) is not None:
            self._keep(known, gallery_key)
        return known

    def _keep(self, key: DataKey, gallery_key: int) -> None:
        self._keys[key.id], self._galleries[key.id] = key, gallery_key

    def _found(self, wanted: bytes) -> DataKey | None:
        """Of a gallery that another process made."""
        with self._engine.connect() as connection:
            self.load(connection)
        return self._keys.get(wanted)
