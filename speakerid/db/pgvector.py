"""Voiceprints as PostgreSQL itself can search them, by its extension pgvector: a table beside `speakers`.

The table is filled by triggers, in the transaction that changes a voiceprint, whoever does it: also a process that
knows nothing of it. Whether it is there decides for every process that opens the store who searches. Each row has a
`vector` of as many numbers as its gallery's encoder makes, or NULL for a voiceprint that cannot be used.

Nothing of an encrypted store may lie in it: it is dropped when a store is encrypted, and refused in one that is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from speakerid.db.engine import Database
from speakerid.db.types import NORM_TOLERANCE, keyring_of
from speakerid.errors import PgvectorUnavailable

T = TypeVar("T")

MOST_BYTES = 4 * 16_000  # of a voiceprint: a vector has no more numbers
LEAST_VERSION = (0, 8)  # the first whose approximate index goes on until a gallery has enough
_NEAR = "ix_voiceprint_vectors_near_"  # and how many numbers
TRIES = 5  # of a search, while it is turned on and off
UNDEFINED = {"42P01", "42883"}  # PostgreSQL's codes for a table and a function that are not there
LOCK_NOT_AVAILABLE = "55P03"
LOCK_MS = 200  # less than the second after which PostgreSQL looks for a deadlock
GONE = "PostgreSQL searches this store no longer. Start this process anew."
AGAIN = "Run 'speakerid db pgvector --approximate' again"
LACKING = f"Its voiceprints have another length now and no index of neighbors: they are compared exactly. {AGAIN}."
RESTLESS = "The search in PostgreSQL is turned on and off again and again. Ask once more when that has ended."
WITHOUT = "PostgreSQL has no extension 'vector' of version 0.8 or later"
HOW = "Install pgvector on its machine, and have a superuser run CREATE EXTENSION vector in this database."

# Little-endian float32, as `Vector` has them, by arithmetic: SQL has no other way from bytes to numbers. 8388608 is
# 2^23, the bit that a float does not store. `|| ''` unpacks the bytes once, not for each of them.
_FUNCTIONS = f"""
CREATE FUNCTION speakerid_vector(bytes bytea) RETURNS vector LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  plain CONSTANT bytea := bytes || ''::bytea;
  numbers real[];
BEGIN
  IF length(plain) NOT BETWEEN 4 AND {MOST_BYTES} OR length(plain) % 4 <> 0 THEN
    RETURN NULL;
  END IF;
  SELECT array_agg(
      CASE WHEN exponent < 255 THEN
        sign * (fraction + CASE WHEN exponent > 0 THEN 8388608 ELSE 0 END)
        * power(2.0::double precision, greatest(exponent, 1) - 150)
      END ORDER BY place)
    INTO numbers
    FROM (
      SELECT place,
        CASE WHEN get_byte(plain, place + 3) < 128 THEN 1 ELSE -1 END AS sign,
        ((get_byte(plain, place + 3) & 127) << 1) | (get_byte(plain, place + 2) >> 7) AS exponent,
        get_byte(plain, place) + (get_byte(plain, place + 1) << 8) + ((get_byte(plain, place + 2) & 127) << 16)
          AS fraction
      FROM generate_series(0, length(plain) - 4, 4) AS place
    ) AS parts;
  IF array_position(numbers, NULL) IS NOT NULL THEN
    RETURN NULL;
  END IF;
  RETURN CASE WHEN abs(vector_norm(numbers::vector) - 1) <= {NORM_TOLERANCE} THEN numbers::vector END;
END $$;

CREATE FUNCTION speakerid_keep_vector() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.voiceprint IS NULL THEN
    DELETE FROM voiceprint_vectors WHERE speaker_key = NEW.key;
  ELSE
    INSERT INTO voiceprint_vectors VALUES (NEW.key, NEW.gallery_key, speakerid_vector(NEW.voiceprint))
      ON CONFLICT (speaker_key) DO UPDATE SET gallery_key = EXCLUDED.gallery_key, embedding = EXCLUDED.embedding;
  END IF;
  RETURN NULL;
END $$;
"""
_TABLE = """
CREATE TABLE voiceprint_vectors (
  speaker_key bigint PRIMARY KEY REFERENCES speakers (key) ON DELETE CASCADE,
  gallery_key bigint NOT NULL,
  embedding vector
);
ALTER TABLE voiceprint_vectors ALTER COLUMN embedding SET STORAGE MAIN;
CREATE INDEX ix_voiceprint_vectors_gallery ON voiceprint_vectors (gallery_key, speaker_key);
CREATE INDEX ix_voiceprint_vectors_unusable ON voiceprint_vectors (speaker_key) WHERE embedding IS NULL;
"""
_TRIGGER = """
CREATE TRIGGER speakerid_keep_vector AFTER INSERT OR UPDATE OF voiceprint, gallery_key ON speakers
  FOR EACH ROW EXECUTE FUNCTION speakerid_keep_vector();
"""
FILL = """
INSERT INTO voiceprint_vectors
SELECT key, gallery_key, speakerid_vector(voiceprint) FROM speakers WHERE voiceprint IS NOT NULL
"""
_DROP = """
DROP TRIGGER IF EXISTS speakerid_keep_vector ON speakers;
DROP TABLE IF EXISTS voiceprint_vectors;
DROP FUNCTION IF EXISTS speakerid_keep_vector();
DROP FUNCTION IF EXISTS speakerid_vector(bytea);
"""


def exists(db: Session) -> bool:
    """Whether PostgreSQL searches this store."""
    return _is_postgresql(db) and db.scalar(text("SELECT to_regclass('voiceprint_vectors')")) is not None


def ask(database: Database, read: Callable[[Session], T]) -> T:
    """What `read` gives in a transaction of its own; again where the table was taken away and made anew meanwhile.

    Raises PgvectorUnavailable where it was turned off, StoreUnavailable.
    """
    for _ in range(TRIES):
        try:
            with database.read() as db:
                return read(db)
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) not in UNDEFINED:
                raise
        with database.read() as db:
            require(db)
    raise PgvectorUnavailable(RESTLESS)


def require(db: Session) -> None:
    """Raises PgvectorUnavailable where it was turned off."""
    if not exists(db):
        raise PgvectorUnavailable(GONE)


def held(db: Session) -> bool:
    """Whether PostgreSQL searches this store, as it does until this transaction ends."""
    while exists(db):
        try:
            with db.begin_nested():
                _run(db, "LOCK TABLE voiceprint_vectors IN ACCESS SHARE MODE")
            return True
        except ProgrammingError as error:  # turned off since
            if getattr(error.orig, "sqlstate", None) not in UNDEFINED:
                raise
    return False


def turn_on(db: Session, *, approximate: bool = False) -> int:
    """Make the table and fill it: how many voiceprints. Others who enroll wait. Raises PgvectorUnavailable.

    `approximate`: with an index of neighbors (HNSW) for each length of voiceprints; else without.
    """
    _require_possible(db)
    db.execute(text("LOCK TABLE speakers IN SHARE ROW EXCLUSIVE MODE"))
    if not exists(db):
        for part in (_FUNCTIONS, _TABLE, _TRIGGER, FILL, "ANALYZE voiceprint_vectors"):
            _run(db, part)
    if approximate:
        _approximate(db)
    else:
        _exact(db)
    return db.scalar(text("SELECT count(*) FROM voiceprint_vectors")) or 0


def turn_off(db: Session) -> None:
    """Nothing of it is left, whether it was there or not; the extension stays, which others may use."""
    if exists(db):
        _lock(db)
    if _is_postgresql(db):
        _run(db, _DROP)


def _lock(db: Session) -> None:
    """Both tables, for this transaction alone. Who reads one of them and waits for the other goes first."""
    while True:
        try:
            with db.begin_nested():
                _run(db, "LOCK TABLE speakers IN ACCESS EXCLUSIVE MODE")
                _run(db, f"SET LOCAL lock_timeout = {LOCK_MS}")
                _run(db, "LOCK TABLE voiceprint_vectors IN ACCESS EXCLUSIVE MODE")
                _run(db, "SET LOCAL lock_timeout = DEFAULT")
            return
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
        time.sleep(LOCK_MS / 1000)


def is_approximate(db: Session, dim: int) -> bool:
    return db.scalar(text("SELECT to_regclass(:name)"), {"name": f"{_NEAR}{dim:d}"}) is not None


def approximate_lengths(db: Session) -> list[int]:
    """Of the voiceprints that have an index of neighbors."""
    return sorted(int(name.removeprefix(_NEAR)) for name in _indexes(db))


def lacks_index(db: Session, gallery_key: int) -> bool:
    """Whether other voiceprints have an index of neighbors, and those of this gallery, of another length, have not."""
    if not held(db) or not (lengths := approximate_lengths(db)):
        return False
    length = text(
        "SELECT vector_dims(embedding) FROM voiceprint_vectors "
        "WHERE gallery_key = :gallery AND embedding IS NOT NULL LIMIT 1"
    )
    found = db.scalar(length, {"gallery": gallery_key})
    return found is not None and found not in lengths


def _require_possible(db: Session) -> None:
    """Raises PgvectorUnavailable."""
    if not _is_postgresql(db):
        raise PgvectorUnavailable("Only PostgreSQL has pgvector, and this store is a SQLite file.")
    if keyring_of(db) is not None:
        raise PgvectorUnavailable(
            "The store is encrypted: its voiceprints lie nowhere in plain, so nobody can search them in SQL."
        )
    try:
        with db.begin_nested():
            _run(db, "CREATE EXTENSION IF NOT EXISTS vector")
    except DBAPIError as error:
        raise PgvectorUnavailable(f"{WITHOUT} ({' '.join(str(error.orig).split())}). {HOW}") from error
    version = db.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")) or ""
    if tuple(int(one) for one in version.split(".")[:2]) < LEAST_VERSION:
        raise PgvectorUnavailable(f"{WITHOUT}, but {version}. Upgrade it, and run ALTER EXTENSION vector UPDATE.")


def _approximate(db: Session) -> None:
    dims = text("SELECT DISTINCT vector_dims(embedding) FROM voiceprint_vectors WHERE embedding IS NOT NULL")
    for dim in list(db.scalars(dims)):
        _run(
            db,
            f"CREATE INDEX IF NOT EXISTS {_NEAR}{dim:d} ON voiceprint_vectors "
            f"USING hnsw ((embedding::halfvec({dim:d})) halfvec_ip_ops) WHERE vector_dims(embedding) = {dim:d}",
        )


def _exact(db: Session) -> None:
    for name in _indexes(db):
        _run(db, f"DROP INDEX {name}")


def _indexes(db: Session) -> list[str]:
    names = text(
        "SELECT indexname FROM pg_indexes WHERE starts_with(indexname, :begin) AND schemaname = current_schema()"
    )
    return list(db.scalars(names, {"begin": _NEAR}))


def _run(db: Session, statements: str) -> None:
    """Without parameters: colons and percent signs are PostgreSQL's."""
    db.connection().exec_driver_sql(statements, execution_options={"no_parameters": True})


def _is_postgresql(db: Session) -> bool:
    return db.get_bind().dialect.name == "postgresql"
