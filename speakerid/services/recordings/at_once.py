"""A recording that its caller waits for: worked on here and now, and kept like a job that is done."""

from __future__ import annotations

from speakerid.audio.byte_source import ByteSource, sha256
from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import galleries
from speakerid.db.types import new_id, now
from speakerid.services import validation
from speakerid.services.engine import Engine
from speakerid.services.recording import Watch, diarize_and_name, unwatched
from speakerid.services.recordings import results, save, submit
from speakerid.types import JobOptions, Recording, to_json


def run_now(
    engine: Engine,
    gallery: GalleryRow,
    audio: ByteSource,
    options: JobOptions,
    watch: Watch = unwatched,
    *,
    name: str | None = None,
) -> Recording:
    """Diarize and name here and now, and keep the answer as that of a job that is done, but not the audio.

    Raises what `services.recording.recording` does, and GalleryNotFound.
    """
    began, called = now(), None if name is None else validation.name(name)
    found, digest = diarize_and_name(engine, gallery, audio, options, watch), sha256(audio)
    with engine.write() as db:
        gallery = galleries.get(db, gallery.name, lock="change")
        known = save.still_known(db, gallery.key, found.recording)
        row = RecordingRow(
            id=new_id("rec"),
            name=called,
            gallery_key=gallery.key,
            options=to_json(submit.with_ids(db, gallery, options)),
            sha256=digest,
            created_at=began,
            started_at=began,
        )
        save.end(db, row, "done")
        db.add(row)
        db.flush()
        save.answer(engine, db, gallery, row, found, known)
    with engine.read() as db:
        return results.timeline(db, gallery, row.id)
