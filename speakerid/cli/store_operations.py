"""What `client.operations` does on a server, done on a store of this machine; no encoder is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from speakerid.db.engine import Database
from speakerid.db.repositories.access_log import EventFilter
from speakerid.services import access_log, keys
from speakerid.types import AccessEvent, Key, NewKey


class StoreOperations:
    """The methods of `client.operations.Operations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_keys(self) -> list[Key]:
        with self._database.read() as db:
            return list(keys.every(db))

    def create_key(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        galleries: Iterable[str] = (),
        expires: str | None = None,
        requests_per_minute: int | None = None,
        audio_seconds_per_day: int | None = None,
    ) -> NewKey:
        """Raises InvalidRequest."""
        with self._database.write() as db:
            return keys.create(
                db,
                name,
                tuple(scopes),
                tuple(galleries),
                expires=expires,
                requests_per_minute=requests_per_minute,
                audio_seconds_per_day=audio_seconds_per_day,
            )

    def rotate_key(self, key: str, *, grace: str = keys.GRACE, expires: str | None = None) -> NewKey:
        """Raises KeyNotFound, InvalidRequest."""
        with self._database.write() as db:
            return keys.rotate(db, key, grace, expires)

    def revoke_key(self, key: str) -> None:
        """Raises KeyNotFound."""
        with self._database.write() as db:
            keys.revoke(db, key)

    def access_log(
        self,
        *,
        after: int = 0,
        since: datetime | None = None,
        speaker_id: str | None = None,
        gallery: str | None = None,
    ) -> Iterator[AccessEvent]:
        """Oldest first, page by page."""
        only = EventFilter((gallery,) if gallery else (), speaker_id, since)
        cursor: str | None = str(after)
        while cursor is not None:
            with self._database.read() as db:
                page = access_log.page(db, after=int(cursor), only=only)
            yield from page.items
            cursor = page.next_cursor
