"""The state of a store: whether this process can serve from it, and which of its rows cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import erasures, galleries, recordings, speakers, unknowns, utterances
from speakerid.db.types import is_sound, usual_dim
from speakerid.errors import DataDamaged, StoreError
from speakerid.services.engine import Engine
from speakerid.services.galleries import refresh_voiceprints
from speakerid.services.judge import is_unreadable
from speakerid.services.recordings import results
from speakerid.types import Readiness

AT_ONCE = 1_000  # rows in memory
DamageKind = Literal["gallery", "speaker", "utterance", "unknown_voice", "recording"]


VOICEPRINT = "its voiceprint is no vector of length 1, or not as long as the others"
EMBEDDING = "its embedding is no vector of length 1, or not as long as the others"
JSON = "its metadata or consent is no JSON object"
SHOWN = 100  # ids of damaged rows


@dataclass(frozen=True)
class Damage:
    """One damaged row. `id` is a gallery's name, or the id of the row; no name of a person."""

    kind: DamageKind
    id: str
    gallery: str
    what: str


def damage(db: Handle) -> tuple[Damage, ...]:
    """Goes through the whole store."""
    return tuple(one for gallery in galleries.every(db) for one in _of_gallery(db, gallery))


def rebuild_voiceprints(db: Handle) -> tuple[str, ...]:
    """Make the voiceprints of damaged speakers again from their utterances. Their ids."""
    made: list[str] = []
    for gallery in galleries.every(db):
        keys = [key for key, what in _speakers(db, gallery.key) if what == VOICEPRINT]
        rows = speakers.by_keys(db, gallery.key, keys)
        refresh_voiceprints(db, gallery.key, rows)
        made += [row.id for row in rows]
    return tuple(made)


def _of_gallery(db: Handle, gallery: GalleryRow) -> Iterator[Damage]:
    if is_unreadable(gallery):
        yield Damage("gallery", gallery.name, gallery.name, "its calibration cannot be read; the default one is used")
    found = dict(_speakers(db, gallery.key))
    for row in speakers.by_keys(db, gallery.key, sorted(found)):
        yield Damage("speaker", row.id, gallery.name, found[row.key])
    for utterance_id in _utterances(db, gallery.key):
        yield Damage("utterance", utterance_id, gallery.name, EMBEDDING)
    for unknown_id, vector in unknowns.voiceprints(db, gallery.key):
        if not is_sound(vector):
            yield Damage("unknown_voice", unknown_id, gallery.name, VOICEPRINT)
    yield from _recordings(db, gallery)


def _speakers(db: Handle, gallery_key: int) -> Iterator[tuple[int, str]]:
    unreadable, after, dim = speakers.unreadable(db, gallery_key), 0, 0
    yield from ((key, JSON) for key in sorted(unreadable))
    while rows := speakers.voiceprints(db, gallery_key, after=after, limit=AT_ONCE):
        dim = dim or usual_dim([vector for _, vector in rows])
        yield from ((key, VOICEPRINT) for key, one in rows if key not in unreadable and not is_sound(one, dim))
        after = rows[-1][0]


def _utterances(db: Handle, gallery_key: int) -> Iterator[str]:
    after, dim = 0, 0
    while rows := utterances.embeddings(db, gallery_key, after=after, limit=AT_ONCE):
        dim = dim or usual_dim([one.embedding for one in rows])
        yield from (one.id for one in rows if not is_sound(one.embedding, dim))
        after = rows[-1].key


def _recordings(db: Handle, gallery: GalleryRow) -> Iterator[Damage]:
    before = None
    while rows := recordings.page(db, gallery.key, before=before, limit=AT_ONCE, answer=True):
        for row in rows:
            try:
                results.options(row)
                if row.answer is not None:
                    results.loaded(row.answer)
            except DataDamaged:
                yield Damage("recording", row.id, gallery.name, "its options or its result cannot be read")
        before = rows[-1].id
        db.expunge_all()


@dataclass(frozen=True)
class _Store:
    state: Literal["ok", "read_only", "unavailable"]
    reason: str | None = None
    lag: int | None = None
    pending: int | None = None
    damaged: int = 0
    ids: tuple[str, ...] = ()


def readiness(engine: Engine) -> Readiness:
    store, healthy = _store(engine), engine.encoder.healthy()
    return Readiness(
        ready=store.state == "ok" and healthy,
        database=store.state,
        encoder="ok" if healthy else "failing",
        last_inference_age_s=engine.encoder.last_success_age(),
        index_lag=store.lag,
        erasures_pending=store.pending,
        quarantined=store.damaged,
        quarantined_speakers=store.ids,
        reason=store.reason if healthy else store.reason or "The encoder failed at the last inference.",
    )


def _store(engine: Engine) -> _Store:
    try:
        lag, damaged = engine.indexes.lag(), engine.indexes.damaged()
        with engine.read() as db:
            pending, ids = erasures.pending(db), tuple(speakers.ids(db, damaged[:SHOWN]))
    except StoreError:
        return _Store("unavailable", "The store cannot be read. The server's log has the cause.")
    why = engine.database.unwritable()
    return _Store("ok" if why is None else "read_only", why, lag, pending, len(damaged), ids)
