"""Go through a recording here and now, and keep what came out as that of a job that is done."""

from __future__ import annotations

from speakerid.audio.byte_source import ByteSource, sha256
from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import galleries
from speakerid.db.types import new_id, now
from speakerid.services.engine import Engine
from speakerid.services.recording import RecordingOptions, Watch, hear, unwatched
from speakerid.services.recordings import result, save, submit
from speakerid.types import Recording, to_json


def recording(
    engine: Engine, gallery: GalleryRow, audio: ByteSource, options: RecordingOptions, watch: Watch = unwatched
) -> Recording:
    """Its audio is not kept. Raises what `services.recording.recording` does, and GalleryNotFound."""
    began = now()
    heard, digest = hear(engine, gallery, audio, options, watch), sha256(audio)
    with engine.write() as db:
        gallery = galleries.get(db, gallery.name, lock="change")
        known = save.still_known(db, gallery.key, heard.recording)
        asked = submit.job_options(options.count, submit.ids(db, gallery, options.candidates), options.channel)
        row = RecordingRow(
            id=new_id("rec"),
            gallery_key=gallery.key,
            options=to_json(asked),
            sha256=digest,
            created_at=began,
            started_at=began,
        )
        save.end(db, row, "done")
        db.add(row)
        db.flush()
        save.answer(engine, db, gallery, row, heard, known)
    with engine.read() as db:
        return result.timeline(db, gallery, row.id)
