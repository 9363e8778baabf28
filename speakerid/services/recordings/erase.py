"""Erase recordings, their audio, and what they hold of a speaker.

Audio goes a few pieces at a time: overwriting hundreds of MB in one transaction would block all others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import changes, idempotency, recordings
from speakerid.errors import DataDamaged
from speakerid.services.engine import Engine
from speakerid.services.recordings import results
from speakerid.services.recordings.audio import is_gone
from speakerid.services.unknowns.keep import forget
from speakerid.types import SpeakerRef

PIECES = 16  # in one transaction


def recording(engine: Engine, gallery: GalleryRow, recording_id: str) -> bool:
    """Whoever works on it stops. Whether nothing of it is left in the store's files. Raises RecordingNotFound."""
    with engine.read() as db:
        key = recordings.get(db, gallery.key, recording_id).key
    return _remove(engine, key)


def audio(engine: Engine, key: int) -> None:
    """Erase the audio alone."""
    _drop(engine, key)
    engine.scrub()


def unless_queued(engine: Engine, key: int) -> None:
    """Erase a recording that is still coming in."""
    with engine.read() as db:
        row = db.get(RecordingRow, key)
    if row is not None and row.state == "receiving":
        _remove(engine, key)


def leftovers(engine: Engine) -> None:
    """What processes that ended too early left behind."""
    with engine.read() as db:
        uploads, ended = recordings.uploads(db), recordings.with_leftover_audio(db)
    for key, receiver, overdue in uploads:
        if overdue or is_gone(receiver):
            _remove(engine, key)
    for key in ended:
        audio(engine, key)


def speakers(db: Handle, gallery_key: int, gone: Collection[str], became: Mapping[str, str] | None = None) -> None:
    """No answer names or weighs `gone` from now on, unless as the speaker they `became`."""
    known = {one: SpeakerRef(into, "") for one, into in (became or {}).items()}
    for row in recordings.naming(db, gallery_key, gone):
        row.options = results.without(row.options, gone, known)
        if row.answer is not None:
            try:
                found = results.loaded(row.answer)
            except DataDamaged:  # it names a speaker who is to be erased, and cannot be changed
                row.answer = None
                continue
            staying = {one: SpeakerRef(one, "") for one in results.speaker_ids(found) - set(gone)}
            row.answer = results.stored(results.renamed(found, staying | known))
    db.flush()


def _remove(engine: Engine, key: int) -> bool:
    _drop(engine, key)
    with engine.write(erase=True) as db:
        row = recordings.by_key(db, key, lock=True)
        if row is not None:
            forget(db, row)
            idempotency.remove_about(db, row.gallery_key, row.id)
            recordings.remove(db, row)
    return engine.erased(db)


def _drop(engine: Engine, key: int) -> None:
    while True:
        with engine.write() as db:
            changes.note_erasure(db)
            if not recordings.drop_pieces(db, key, PIECES):
                return
