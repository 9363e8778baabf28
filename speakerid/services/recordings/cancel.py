"""Stop a recording that waits or is worked on."""

from __future__ import annotations

from speakerid.db.models import GalleryRow
from speakerid.db.repositories import recordings
from speakerid.errors import RecordingEnded
from speakerid.services.engine import Engine
from speakerid.services.recordings import erase, jobs, save
from speakerid.types import RecordingJob


def cancel(engine: Engine, gallery: GalleryRow, recording_id: str) -> RecordingJob:
    """One that runs stops within seconds. Raises RecordingNotFound, RecordingEnded."""
    with engine.write() as db:
        row = recordings.get(db, gallery.key, recording_id, lock=True)
        if row.state in ("done", "failed"):
            raise RecordingEnded(row.state)
        waited = row.state == "queued"
        if waited:
            save.end(db, row, "cancelled")
        elif row.state == "running":
            row.cancelling = True
        db.flush()
    if waited and not gallery.keep_audio:
        erase.audio(engine, row.key)
    return jobs.job(row)
