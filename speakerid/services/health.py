"""The state of a store: whether this process can serve from it, and which of its rows cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow
from speakerid.db.repositories import (
    changes,
    galleries,
    moving,
    recordings,
    speakers,
    stored_vectors,
    unknowns,
    utterances,
    voiceprints,
)
from speakerid.db.repositories.utterances import Spoken
from speakerid.db.types import is_sound, usual_dim
from speakerid.errors import DataDamaged, EncryptionChanged, PgvectorUnavailable, StoreError, StoreReplaced
from speakerid.scoring.cosine import shares, voiceprint
from speakerid.services.engine import Engine, WorkersState
from speakerid.services.galleries import refresh_voiceprints
from speakerid.services.judge import is_unreadable
from speakerid.services.recordings import results
from speakerid.types import Readiness

AT_ONCE = 1_000  # rows in memory
DamageKind = Literal["gallery", "speaker", "utterance", "unknown_voice", "recording"]


VOICEPRINT = "its voiceprint is no vector of length 1, or not as long as the others"
OTHERS = "its voiceprint is not what its utterances make"
MISSING = "it has utterances and no voiceprint"
SURPLUS = "it has a voiceprint and no utterance"
SEARCHED = "what pgvector searches is not its voiceprint"
REPAIRABLE = (VOICEPRINT, OTHERS, MISSING, SURPLUS)
OTHER_ENCODER = "its embedding is of another encoder than the gallery's"
TOLERANCE = 1e-4  # sums of floats depend on the machine
EMBEDDING = "its embedding is no vector of length 1, or not as long as the others"
JSON = "its metadata or consent is no JSON object, or it does not open with the gallery's key"
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
        keys = [key for key, what in _speakers(db, gallery) if what in REPAIRABLE]
        rows = speakers.by_keys(db, gallery.key, keys)
        refresh_voiceprints(db, gallery.key, rows)
        made += [row.id for row in rows]
        if wrong := stored_vectors.differing(db, gallery.key):
            stored_vectors.renew(db, wrong)
            made += [row.id for row in speakers.by_keys(db, gallery.key, wrong)]
    return tuple(made)


def _of_gallery(db: Handle, gallery: GalleryRow) -> Iterator[Damage]:
    if is_unreadable(gallery):
        yield Damage("gallery", gallery.name, gallery.name, "its calibration cannot be read; the default one is used")
    found = dict.fromkeys(stored_vectors.differing(db, gallery.key), SEARCHED) | dict(_speakers(db, gallery))
    for row in speakers.by_keys(db, gallery.key, sorted(found)):
        yield Damage("speaker", row.id, gallery.name, found[row.key])
    for utterance_id, what in _utterances(db, gallery):
        yield Damage("utterance", utterance_id, gallery.name, what)
    for unknown_id, vector in unknowns.voiceprints(db, gallery.key):
        if not is_sound(vector):
            yield Damage("unknown_voice", unknown_id, gallery.name, VOICEPRINT)
    yield from _recordings(db, gallery)


def _speakers(db: Handle, gallery: GalleryRow) -> Iterator[tuple[int, str]]:
    dim, counts = 0, utterances.counts(db, gallery.key)
    for rows in moving.speakers(db, gallery.key, AT_ONCE):
        dim = dim or usual_dim([row.voiceprint for row in rows if row.voiceprint is not None])
        spoken = utterances.spoken(db, gallery.key, [row.key for row in rows])
        for row in rows:
            what = _of_voiceprint(row, dim) if row.key in counts else _of_silent(row)
            own = spoken.get(row.key)
            if what is None and own is not None and len(own.embeddings) == counts.get(row.key):  # the others are named
                what = _beside(gallery, row, own)
            if what is not None:
                yield row.key, what


def _of_silent(row: SpeakerRow) -> str | None:
    """A speaker without utterances."""
    if voiceprints.is_unreadable(row):
        return JSON
    return None if row.voiceprint is None else SURPLUS


def _of_voiceprint(row: SpeakerRow, dim: int) -> str | None:
    if voiceprints.is_unreadable(row):
        return JSON
    return VOICEPRINT if row.voiceprint is not None and not is_sound(row.voiceprint, dim) else None


def _beside(gallery: GalleryRow, row: SpeakerRow, own: Spoken) -> str | None:
    """A sound voiceprint, or none, beside what all of its utterances make."""
    if row.voiceprint is None:
        return MISSING
    try:
        made = voiceprint(own.embeddings, shares(gallery.combining, own.seconds))
    except ValueError:  # they cancel each other out
        return OTHERS
    same = made.shape == row.voiceprint.shape and np.allclose(made, row.voiceprint, rtol=0.0, atol=TOLERANCE)
    return None if same else OTHERS


def _utterances(db: Handle, gallery: GalleryRow) -> Iterator[tuple[str, str]]:
    dim = 0
    for rows in moving.every_utterance(db, gallery.key, AT_ONCE):
        dim = dim or usual_dim([one.embedding for one in rows])
        for one in rows:
            if not is_sound(one.embedding, dim):
                yield one.id, EMBEDDING
            elif one.encoder_fingerprint != gallery.encoder_fingerprint:
                yield one.id, OTHER_ENCODER


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


@dataclass(frozen=True)
class StoreFigures:
    recordings: dict[str, int]  # by state
    erasures_pending: int


def figures(engine: Engine) -> StoreFigures:
    """Raises StoreUnavailable."""
    with engine.read() as db:
        return StoreFigures(recordings.states(db), changes.erasures_pending(db))


def failing(engine: Engine) -> str | None:
    """Why nothing can be embedded: a sentence, None where all is well."""
    if not all(one.encoder.healthy() for one in engine.each):
        return "The encoder failed at the last inference."
    if engine.workers is not None and not engine.workers.state().ready:
        return "No process that embeds runs. The server's log has the cause."
    return None


def readiness(engine: Engine) -> Readiness:
    store, why = _store(engine), failing(engine)
    workers = engine.workers.state() if engine.workers else None
    return Readiness(
        ready=store.state == "ok" and why is None,
        database=store.state,
        encoder="ok" if why is None else "failing",
        last_inference_age_s=_latest(engine, workers),
        index_lag=store.lag,
        erasures_pending=store.pending,
        quarantined=store.damaged,
        quarantined_speakers=store.ids,
        workers=None if workers is None else workers.ready,
        workers_wanted=None if workers is None else workers.wanted,
        reason=store.reason or why,
    )


def _latest(engine: Engine, workers: WorkersState | None) -> float | None:
    ages = (engine.encoder.last_success_age(), None if workers is None else workers.last_success_age_s)
    return min((one for one in ages if one is not None), default=None)


def _store(engine: Engine) -> _Store:
    try:
        lag = max(one.indexes.lag() for one in engine.each)
        damaged = sorted(key for one in engine.each for key in one.indexes.damaged())
        with engine.read() as db:
            pending, ids = changes.erasures_pending(db), tuple(speakers.ids(db, damaged[:SHOWN]))
    except (StoreReplaced, EncryptionChanged, PgvectorUnavailable) as error:
        return _Store("unavailable", str(error))
    except StoreError:
        return _Store("unavailable", "The store cannot be read. The server's log has the cause.")
    why = engine.database.unwritable()
    return _Store("ok" if why is None else "read_only", why, lag, pending, len(damaged), ids)
