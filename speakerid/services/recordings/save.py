"""How a job ends: one transaction, by whoever still holds its lease."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from speakerid.db.engine import Handle
from speakerid.db.models import RecordingRow
from speakerid.db.repositories import galleries, recordings, speakers
from speakerid.errors import SpeakeridError
from speakerid.services.engine import Engine
from speakerid.services.recording import Heard
from speakerid.services.recordings import answers, audio, erase, known
from speakerid.services.unknowns.keep import Stranger, keep
from speakerid.timeline import Recording
from speakerid.types import SpeakerRef


@dataclass(frozen=True)
class Claimed:
    """A job and who holds it."""

    key: int
    gallery_key: int
    worker: str


def done(engine: Engine, job: Claimed, heard: Heard) -> bool:
    """Keep the answer, with the names that are still there. False: the job was lost meanwhile, nothing is kept."""
    digest = _digest(engine, job)
    with engine.write() as db:
        gallery = galleries.hold(db, job.gallery_key)
        if gallery is None:
            return False
        recording = _still_known(db, job, heard.recording)
        row = _ended(db, job, "done")
        if row is None:
            return False
        row.answer = answers.stored(recording)
        if digest is not None:
            keep(engine, db, gallery, row, digest, _strangers(heard))
    _clean(engine, job)
    return True


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


def _still_known(db: Handle, job: Claimed, recording: Recording) -> Recording:
    """Speakers may have been erased since they were heard; those who are there stay until this is committed."""
    ids = answers.speaker_ids(recording)
    today = known.today(db, job.gallery_key, ids)
    there = speakers.hold(db, job.gallery_key, {one.id for one in today.values()})
    return answers.told(recording, {one: SpeakerRef(at.id, "") for one, at in today.items() if at.id in there})


def _digest(engine: Engine, job: Claimed) -> str | None:
    """Of the recording's bytes, which only the inbox of unknown voices asks for; None where there is none."""
    with engine.read() as db:
        row, gallery = recordings.by_key(db, job.key), galleries.by_key(db, job.gallery_key)
    if row is None or gallery is None or not gallery.keep_unknown_voices:
        return None
    return audio.digest(engine, row.key, row.size)


def _strangers(heard: Heard) -> list[Stranger]:
    """The voices that are nobody enrolled; not those of speakers who were erased while the recording was heard."""
    turns: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for turn in heard.recording.turns:
        turns[turn.voice].append((turn.start, turn.end))
    return [
        Stranger(one.voice, tuple(turns[one.voice]), one.speech, probe)
        for one, probe in zip(heard.recording.voices, heard.probes, strict=True)
        if one.speaker is None and one.decision != "ambiguous"
    ]


def _clean(engine: Engine, job: Claimed) -> None:
    with engine.read() as db:
        keep = galleries.keeps_audio(db, job.gallery_key)
    if not keep:
        erase.audio(engine, job.key)
