"""Rows of a store that cannot be used, by id: for `speakerid index verify`, which an operator runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from speakerid.db.damage import is_sound, usual_dim
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import galleries, recordings, speakers, unknowns, utterances
from speakerid.errors import DataDamaged
from speakerid.services import voiceprints
from speakerid.services.calibrations import is_unreadable as calibration_is_unreadable
from speakerid.services.recordings import jobs, stored_answers

AT_ONCE = 1_000  # rows in memory
DamageKind = Literal["gallery", "speaker", "utterance", "unknown_voice", "recording"]


@dataclass(frozen=True)
class Damage:
    """One damaged row. `id` is a gallery's name, or the id of the row; no name of a person."""

    kind: DamageKind
    id: str
    gallery: str
    what: str


def find(db: Handle) -> tuple[Damage, ...]:
    """Goes through the whole store."""
    return tuple(one for gallery in galleries.every(db) for one in _of_gallery(db, gallery))


def rebuild(db: Handle) -> tuple[str, ...]:
    """Make the voiceprints of damaged speakers again from their utterances. Their ids."""
    made: list[str] = []
    for gallery in galleries.every(db):
        keys = [key for key, what in _speakers(db, gallery.key) if what == VOICEPRINT]
        rows = speakers.by_keys(db, gallery.key, keys)
        voiceprints.refresh(db, gallery.key, rows)
        made += [row.id for row in rows]
    return tuple(made)


VOICEPRINT = "its voiceprint is no vector of length 1, or not as long as the others"
EMBEDDING = "its embedding is no vector of length 1, or not as long as the others"
JSON = "its metadata or consent is no JSON object"


def _of_gallery(db: Handle, gallery: GalleryRow) -> Iterator[Damage]:
    if calibration_is_unreadable(gallery):
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
                jobs.require_readable(row)
                if row.answer is not None:
                    stored_answers.loaded(row.answer)
            except DataDamaged:
                yield Damage("recording", row.id, gallery.name, "its options or its result cannot be read")
        before = rows[-1].id
        db.expunge_all()
