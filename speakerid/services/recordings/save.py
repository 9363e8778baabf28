"""How a job ends: one transaction, by whoever still holds its lease."""

from __future__ import annotations

from dataclasses import dataclass

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import galleries, recordings, speakers
from speakerid.errors import SpeakeridError
from speakerid.services.engine import Engine
from speakerid.services.recording import DiarizedRecording
from speakerid.services.recordings import current_names, erase, jobs, stored_answers
from speakerid.services.unknowns.keep import keep
from speakerid.services.unknowns.strangers import strangers
from speakerid.types import Recording, SpeakerRef


@dataclass(frozen=True)
class Claimed:
    """A job and who holds it."""

    key: int
    gallery_key: int
    worker: str


def done(engine: Engine, job: Claimed, heard: DiarizedRecording) -> bool:
    """Keep the answer, with the names that are still there. False: the job was lost meanwhile, nothing is kept.

    Nor is it where somebody was told, too late to stop the work, that it will be cancelled.
    """
    with engine.write() as db:
        gallery = galleries.hold(db, job.gallery_key)
        recording = still_known(db, job.gallery_key, heard.recording)
        row = recordings.held(db, job.key, job.worker)
        if gallery is None or row is None:
            return False
        if row.cancelling:
            end(db, row, "cancelled")
        else:
            end(db, row, "done")
            answer(engine, db, gallery, row, heard, recording)
    _clean(engine, job)
    return True


def answer(
    engine: Engine, db: Handle, gallery: GalleryRow, row: RecordingRow, heard: DiarizedRecording, recording: Recording
) -> None:
    """`recording` is what was `heard`, with the names that are still there. The gallery is held."""
    row.answer = stored_answers.stored(recording)
    if gallery.keep_unknown_voices and jobs.options(row).candidates is None:  # else nobody asked who else it may be
        keep(engine, db, gallery, row, strangers(heard, recording), heard.own)


def failed(engine: Engine, job: Claimed, code: str, detail: str) -> bool:
    with engine.write() as db:
        row = _ended(db, job, "failed")
        if row is None:
            return False
        row.error_code, row.error_detail = code, detail
    _clean(engine, job)
    return True


def refused(engine: Engine, job: Claimed, error: SpeakeridError) -> bool:
    return failed(engine, job, error.code, str(error))


def cancelled(engine: Engine, job: Claimed) -> bool:
    with engine.write() as db:
        if _ended(db, job, "cancelled") is None:
            return False
    _clean(engine, job)
    return True


def end(db: Handle, row: RecordingRow, state: recordings.Ended) -> None:
    """From now on nobody works on it; its webhook is due."""
    row.state, row.stage, row.worker, row.lease_until, row.cancelling = state, None, None, None, False
    row.finished_at = recordings.clock(db)
    row.webhook_due = row.finished_at if row.webhook else None


def _ended(db: Handle, job: Claimed, state: recordings.Ended) -> RecordingRow | None:
    row = recordings.held(db, job.key, job.worker)
    if row is not None:
        end(db, row, state)
    return row


def still_known(db: Handle, gallery_key: int, recording: Recording) -> Recording:
    """Speakers may have been erased since they were heard; those who are there stay until this is committed."""
    ids = stored_answers.speaker_ids(recording)
    today = current_names.today(db, gallery_key, ids)
    there = speakers.hold(db, gallery_key, {one.id for one in today.values()})
    return stored_answers.told(recording, {one: SpeakerRef(at.id, "") for one, at in today.items() if at.id in there})


def _clean(engine: Engine, job: Claimed) -> None:
    with engine.read() as db:
        keep = galleries.keeps_audio(db, job.gallery_key)
    if not keep:
        erase.audio(engine, job.key)
