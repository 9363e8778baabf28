"""Queries on the voiceprints of one gallery: what the index holds, and who is behind what it finds."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Dialect,
    LargeBinary,
    Text,
    TypeDecorator,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from speakerid.db.engine import Database, is_in
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.db.types import NORM_TOLERANCE, is_damaged, keyring_of, now, sound
from speakerid.types import FloatArray

BYTES = 4  # a number
HASHES = 32_749  # prime; its square stays below 2^31
SPREAD = 20_240  # its golden section: neighboring keys are spread evenly
AT_ONCE = 1_000  # keys in one statement


class VectorBytes(TypeDecorator[bytes]):
    """The bytes of a `Vector` as they are, for readers of very many. What is no embedding is read as none."""

    impl = LargeBinary
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes:
        return value if isinstance(value, bytes) and not len(value) % 4 else b""


@dataclass(frozen=True)
class ShortlistRow:
    """What an answer about who speaks needs of a speaker with a voiceprint."""

    key: int
    id: str
    name: str
    consent_expires_at: datetime | None

    @property
    def consents(self) -> bool:
        """Now; see `consenting`."""
        return self.consent_expires_at is None or self.consent_expires_at > now()


Who = SpeakerRow | ShortlistRow


@dataclass(frozen=True)
class Voiceprint:
    """A speaker who can be found, and the seconds of speech behind: not known of one from memory."""

    row: Who
    embedding: FloatArray
    speech_s: float = 0.0


_COLUMNS = SpeakerRow.__table__.c
# Built once: to make and to understand it anew takes as long as the rest of a search.
_SHORTLIST = select(
    *(_COLUMNS[name] for name in ("key", "id", "name", "consent_expires_at", "external_id", "metadata", "consent")),
).where(
    _COLUMNS.key.in_(bindparam("keys", expanding=True)),
    _COLUMNS.gallery_key + 0 == bindparam("gallery"),  # see `among`
    _COLUMNS.voiceprint.is_not(None),
)


# The same of a plain SQLite store, but for consents that end and for whatever is in doubt: half a millisecond less.
GLANCE = """
SELECT key, id, name FROM speakers
WHERE key IN (SELECT value FROM json_each(:keys)) AND gallery_key + 0 = :gallery AND voiceprint IS NOT NULL
AND consent_expires_at IS NULL AND NOT EXISTS (SELECT 1 FROM encryption)
AND CASE WHEN json_valid(metadata) THEN json_type(metadata) END = 'object'
AND CASE WHEN json_valid(consent) THEN json_type(consent) END = 'object'
"""


def consenting() -> ColumnElement[bool]:
    """Who may be recognized: their consent has no end, or a later one."""
    return or_(SpeakerRow.consent_expires_at.is_(None), SpeakerRow.consent_expires_at > now())


def among(db: Session, gallery_key: int, keys: Sequence[int] | None) -> ColumnElement[bool]:
    """Of the gallery, and of `keys` where given.

    The sum keeps SQLite from going through the whole gallery by its index, which it takes for less work than that.
    """
    if keys is None:
        return SpeakerRow.gallery_key == gallery_key
    return and_(is_in(db, SpeakerRow.key, keys), SpeakerRow.gallery_key + 0 == gallery_key)


def encoder_of(db: Session, gallery_key: int) -> str | None:
    """Fingerprint of what the gallery's voiceprints are made with; None for one that is gone."""
    return db.scalar(select(GalleryRow.encoder_fingerprint).where(GalleryRow.key == gallery_key))


def with_voice(db: Session, gallery_key: int, keys: Sequence[int], dim: int | None = None) -> list[Voiceprint]:
    """Those of `keys` that exist in this gallery, have a voiceprint and may be recognized, in no order.

    Those whose row is damaged are left out; `dim`: of how many numbers a voiceprint has to be.
    """
    query = (
        select(SpeakerRow, func.sum(UtteranceRow.speech_s))
        .join(UtteranceRow, UtteranceRow.speaker_key == SpeakerRow.key)
        .where(among(db, gallery_key, keys), SpeakerRow.voiceprint.is_not(None))
        .where(consenting())
        .group_by(SpeakerRow.key)
    )
    found = [
        Voiceprint(row, row.voiceprint, float(seconds))
        for row, seconds in db.execute(query)
        if row.voiceprint is not None and not is_unreadable(row)
    ]
    return sound(found, lambda one: one.embedding, dim)


def shortlist(database: Database, gallery_key: int, keys: Sequence[int]) -> list[ShortlistRow]:
    """Those of `keys` who exist in this gallery with a voiceprint, whatever their consent; no damaged ones."""
    found = _glanced(database, gallery_key, keys)
    missing = sorted(set(keys).difference(one.key for one in found))
    if missing:
        with database.read() as db:
            for start in range(0, len(missing), AT_ONCE):
                values = {"gallery": gallery_key, "keys": missing[start : start + AT_ONCE]}
                rows = db.connection().execute(_SHORTLIST, values)
                found += [ShortlistRow(*row[:4]) for row in rows if not any(map(is_damaged, row))]
    return found


def _glanced(database: Database, gallery_key: int, keys: Sequence[int]) -> list[ShortlistRow]:
    if database.watch is None or database.keyring is not None:
        return []
    rows = database.watch.glance(GLANCE, {"gallery": gallery_key, "keys": json.dumps(list(keys))})
    return [ShortlistRow(key, speaker_id, name, None) for key, speaker_id, name in rows or ()]


def count_voiceprints(db: Session, gallery_key: int) -> int:
    query = select(func.count()).where(SpeakerRow.gallery_key == gallery_key, SpeakerRow.voiceprint.is_not(None))
    return db.scalar(query) or 0


def recognizable(db: Session, gallery_key: int, keys: Collection[int]) -> set[int]:
    """Those of `keys` who have a voiceprint and may be recognized."""
    query = select(SpeakerRow.key).where(among(db, gallery_key, list(keys)), SpeakerRow.voiceprint.is_not(None))
    return set(db.scalars(query.where(consenting())))


def between(
    db: Session, gallery_key: int, *, after: int = 0, limit: int | None = None, keys: Sequence[int] | None = None
) -> list[tuple[int, FloatArray]]:
    """`(key, voiceprint (dim,))` by rising key, behind the key `after`; only of `keys` where given."""
    query = select(SpeakerRow.key, SpeakerRow.voiceprint).where(
        among(db, gallery_key, keys), SpeakerRow.voiceprint.is_not(None), SpeakerRow.key > after
    )
    return [
        (key, vector) for key, vector in db.execute(query.order_by(SpeakerRow.key).limit(limit)) if vector is not None
    ]


def stored_voiceprints(
    db: Session, gallery_key: int, rows: int, keys: Sequence[int] | None = None
) -> Iterator[list[tuple[int, bytes]]]:
    """`(key, float32 bytes)`, in no order, at most so many `rows` at a time; only of `keys` where given.

    One query for all: to ask for one part after the other, SQLite would go through the whole gallery each time.
    """
    plain = keyring_of(db) is None
    raw: Any = type_coerce(SpeakerRow.voiceprint, VectorBytes) if plain else SpeakerRow.voiceprint
    query = select(SpeakerRow.key, raw).where(among(db, gallery_key, keys), SpeakerRow.voiceprint.is_not(None))
    for part in db.execute(query, execution_options={"yield_per": rows}).partitions():
        yield [(key, bytes(data)) for key, data in part]


def changed(db: Session, gallery_key: int, keys: Sequence[int]) -> tuple[list[tuple[int, bytes]], set[int]]:
    """Of a few of `keys`, what `stored_voiceprints` and `unreadable` say; in one statement of a plain SQLite store."""
    if keyring_of(db) is not None or db.get_bind().dialect.name != "sqlite":
        parts = stored_voiceprints(db, gallery_key, len(keys), keys)
        return [row for part in parts for row in part], unreadable(db, gallery_key, keys)
    found = db.connection().execute(_CHANGED, {"gallery": gallery_key, "keys": list(keys)}).all()
    return [(key, data) for key, data, _ in found], {key for key, _, is_unreadable in found if is_unreadable}


def sample(db: Session, gallery_key: int, keys: NDArray[np.int64], *, every: int) -> list[tuple[int, FloatArray]]:
    """`(key, voiceprint (dim,))` by rising key of about one in `every` of `keys`: the same ones whoever asks.

    By a hash of the key: galleries filled in turns have keys with a pattern.
    """
    chosen = keys[(keys % HASHES) * SPREAD % HASHES < HASHES // every].tolist()
    return sound(between(db, gallery_key, keys=chosen), lambda one: one[1])


def is_unreadable(row: SpeakerRow) -> bool:
    """Whether something that is said of the speaker cannot be read."""
    return any(map(is_damaged, (row.details, row.consent, row.name, row.external_id)))


def unreadable(db: Session, gallery_key: int, keys: Sequence[int] | None = None) -> set[int]:
    """Keys of those speakers, of `keys` where given. PostgreSQL refuses such a row.

    In an encrypted store only of `keys`: to open all that is said of everybody, as `unopened` does, takes longer than
    to load their voiceprints, and who is searched is read again before an answer.
    """
    if keyring_of(db) is not None:
        return set() if keys is None else unopened(db, gallery_key, keys)
    if db.get_bind().dialect.name != "sqlite":
        return set()
    return set(db.scalars(select(SpeakerRow.key).where(among(db, gallery_key, keys), _no_object())))


def unopened(db: Session, gallery_key: int, keys: Sequence[int] | None = None) -> set[int]:
    """Keys of those speakers, of `keys` where given, of whom something does not open in an encrypted store."""
    if keyring_of(db) is None:
        return set()
    said = (SpeakerRow.name, SpeakerRow.external_id, SpeakerRow.details, SpeakerRow.consent)
    rows = db.execute(select(SpeakerRow.key, *said).where(among(db, gallery_key, keys)))
    return {key for key, *values in rows if any(map(is_damaged, values))}


def _no_object() -> ColumnElement[bool]:
    """That metadata or consent are no JSON object, in a plain SQLite store."""
    kinds = [func.json_type(_text(column)) for column in (SpeakerRow.details, SpeakerRow.consent)]
    return or_(*(kind.is_distinct_from("object") for kind in kinds))


def _text(column: InstrumentedAttribute[Any]) -> ColumnElement[str | None]:
    """The JSON text, or NULL where it is none: SQLite refuses to look into what is no JSON."""
    text = cast(column, Text)
    return case((func.json_valid(text) == 1, text), else_=None)


def vectors_of(
    rows: Sequence[tuple[int, bytes]], dim: int, unreadable: set[int], damaged: set[int]
) -> tuple[NDArray[np.int64], FloatArray]:
    """Keys and vectors. What FAISS would take and then answer nonsense is left out, its key noted as `damaged`."""
    right = [one for one in rows if len(one[1]) == BYTES * dim and one[0] not in unreadable]
    keys = np.array([key for key, _ in right], np.int64)
    vectors = np.frombuffer(b"".join([data for _, data in right]), "<f4").reshape(-1, dim).astype(np.float32)
    good = np.abs(np.linalg.norm(vectors, axis=1) - 1.0) <= NORM_TOLERANCE  # also false for NaN
    damaged.update({key for key, _ in rows}.difference(keys[good].tolist()))
    return keys[good], vectors[good]


_CHANGED = select(_COLUMNS.key, type_coerce(_COLUMNS.voiceprint, VectorBytes), _no_object()).where(
    _COLUMNS.key.in_(bindparam("keys", expanding=True)),
    _COLUMNS.gallery_key + 0 == bindparam("gallery"),  # see `among`
    _COLUMNS.voiceprint.is_not(None),
)
