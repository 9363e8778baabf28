"""Queries on the voiceprints that PostgreSQL searches (db/pgvector.py), each scoped to its gallery."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from speakerid.db.pgvector import FILL, held
from speakerid.db.repositories.voiceprints import HASHES, SPREAD
from speakerid.types import FloatArray

CANDIDATES = 200  # of the approximate index, compared exactly then; as many are kept in view while it is searched
# What the table should have and has not, has otherwise, or should not have.
_DIFFERING = """
SELECT speakers.key FROM speakers LEFT JOIN voiceprint_vectors AS kept ON kept.speaker_key = speakers.key
WHERE speakers.gallery_key = :gallery AND (
  (speakers.voiceprint IS NULL) <> (kept.speaker_key IS NULL)
  OR kept.gallery_key <> speakers.gallery_key
  OR kept.embedding IS DISTINCT FROM speakerid_vector(speakers.voiceprint))
ORDER BY speakers.key
"""


@dataclass(frozen=True)
class NearestFound:
    """The nearest of each of q queries."""

    keys: NDArray[np.int64]  # (q, k) best first, equal scores by key
    scores: FloatArray  # (q, k)


def nearest(db: Session, gallery_key: int, queries: FloatArray, k: int, *, near: bool = False) -> NearestFound:
    """The `k` best of the gallery for each of `queries (q, dim)`, fewer for all where fewer are found for one.

    The gallery is part of the question: nobody else's voiceprint is ever compared. `near`: by the approximate index.
    """
    if near:
        db.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
        db.execute(text(f"SET LOCAL hnsw.ef_search = {CANDIDATES}"))
    said = {"gallery": gallery_key, "k": k, "n": max(CANDIDATES, k), "queries": [_literal(one) for one in queries]}
    if not near:
        del said["n"]
    rows = db.execute(text(_nearest(queries.shape[1], near=near)), said).all()
    asked, keys, scores = (
        np.array([row[nth] for row in rows], kind) for nth, kind in enumerate((np.int64, np.int64, np.float32))
    )
    found = np.bincount(asked - 1, minlength=len(queries))  # of each: the approximate index may find fewer of one
    fewest = min(found.tolist(), default=0)
    kept = np.arange(len(rows)) - np.repeat(np.cumsum(found) - found, found) < fewest
    shape = (len(queries), fewest)
    return NearestFound(keys[kept].reshape(shape), scores[kept].reshape(shape))


def _nearest(dim: int, *, near: bool) -> str:
    """One statement for all queries, so that all see the same moment. Each query is read once, not for each row."""
    table, mine = "voiceprint_vectors", f"gallery_key = :gallery AND vector_dims(embedding) = {dim:d}"
    if near:
        half = f"halfvec({dim:d})"
        table = (
            f"(SELECT * FROM voiceprint_vectors WHERE {mine} "
            f"ORDER BY embedding::{half} <#> asked.query::{half} LIMIT :n) AS candidates"
        )
    return (
        "WITH asked AS MATERIALIZED (SELECT nth, written::vector AS query "
        "FROM unnest(CAST(:queries AS text[])) WITH ORDINALITY AS q (written, nth)) "
        "SELECT asked.nth, found.speaker_key, found.score FROM asked "
        "CROSS JOIN LATERAL (SELECT speaker_key, -(embedding <#> asked.query) AS score "
        f"FROM {table} WHERE {mine} ORDER BY embedding <#> asked.query, speaker_key LIMIT :k) AS found "
        "ORDER BY asked.nth, found.score DESC, found.speaker_key"
    )


def count(db: Session, gallery_key: int) -> int:
    """Voiceprints of the gallery."""
    query = text("SELECT count(*) FROM voiceprint_vectors WHERE gallery_key = :gallery")
    return db.scalar(query, {"gallery": gallery_key}) or 0


def keys(db: Session, gallery_key: int, *, every: int = 1) -> NDArray[np.int64]:
    """Of those who have a voiceprint, rising; of about one in `every`, those whom `voiceprints.sample` takes."""
    hashed = f"speaker_key % {HASHES} * {SPREAD} % {HASHES} < {HASHES} / :every"
    query = text(
        f"SELECT speaker_key FROM voiceprint_vectors WHERE gallery_key = :gallery AND (:every = 1 OR {hashed}) "
        "ORDER BY speaker_key"
    )
    return np.array(db.scalars(query, {"gallery": gallery_key, "every": every}).all(), np.int64)


def vectors(db: Session, gallery_key: int, keys: NDArray[np.int64], dim: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Those of `keys (n,)` that can be searched, in their order, and their vectors `(m, dim)`."""
    query = text(
        f"SELECT speaker_key, embedding::real[] FROM voiceprint_vectors WHERE gallery_key = :gallery "
        f"AND vector_dims(embedding) = {dim:d} AND speaker_key = ANY(CAST(:keys AS bigint[]))"
    )
    rows = {row[0]: row[1] for row in db.execute(query, {"gallery": gallery_key, "keys": keys.tolist()})}
    found = [key for key in keys.tolist() if key in rows]
    return np.array(found, np.int64), np.array([rows[key] for key in found], np.float32).reshape(-1, dim)


def without(db: Session, gallery_key: int, keys: Collection[int]) -> int:
    """How many of these speakers have no voiceprint any more."""
    query = text(
        "SELECT count(*) FROM voiceprint_vectors "
        "WHERE gallery_key = :gallery AND speaker_key = ANY(CAST(:keys AS bigint[]))"
    )
    return len(keys) - (db.scalar(query, {"gallery": gallery_key, "keys": list(keys)}) or 0)


def unusable(db: Session, encoder: str) -> list[int]:
    """Keys of the speakers in galleries of this encoder whose voiceprint cannot be searched."""
    query = text(
        "SELECT speaker_key FROM voiceprint_vectors JOIN galleries ON galleries.key = gallery_key "
        "WHERE embedding IS NULL AND encoder_fingerprint = :encoder ORDER BY speaker_key"
    )
    return list(db.scalars(query, {"encoder": encoder}))


def differing(db: Session, gallery_key: int) -> list[int]:
    """Keys of the gallery's speakers of whom the table has something else than their voiceprint. Goes through all."""
    return list(db.scalars(text(_DIFFERING), {"gallery": gallery_key})) if held(db) else []


def renew(db: Session, keys: Collection[int]) -> None:
    """Fill in again what the table has of these speakers."""
    wanted = {"keys": list(keys)}
    db.execute(text("DELETE FROM voiceprint_vectors WHERE speaker_key = ANY(CAST(:keys AS bigint[]))"), wanted)
    db.execute(text(f"{FILL} AND key = ANY(CAST(:keys AS bigint[]))"), wanted)


def _literal(vector: FloatArray) -> str:
    """Every number as it is: a double that is a float has the float's own digits among its own."""
    return f"[{','.join(map(str, vector.tolist()))}]"
