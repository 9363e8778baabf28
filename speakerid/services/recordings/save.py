"""How a job ends: one transaction, by whoever still holds its lease."""

from __future__ import annotations

from dataclasses import dataclass

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import galleries, recordings, speakers
from speakerid.errors import RecordingEnded, SpeakeridError
from speakerid.scoring.decision import enrolled_llr, even_odds_llr
from speakerid.services.engine import Engine
from speakerid.services.recording import DiarizedRecording
from speakerid.services.recordings import erase, results
from speakerid.services.unknowns.keep import Stranger, keep
from speakerid.types import RecordedVoice, Recording, RecordingJob, SpeakerRef


@dataclass(frozen=True)
class Claimed:
    """A job and who holds it."""

    key: int
    gallery_key: int
    worker: str


def done(engine: Engine, job: Claimed, found: DiarizedRecording) -> bool:
    """Keep the answer, with the names that are still there. False: the job was lost meanwhile, nothing is kept.

    Nor is it after a cancellation that came too late to stop the work.
    """
    with engine.write() as db:
        gallery = galleries.hold(db, job.gallery_key)
        recording = still_known(db, job.gallery_key, found.recording)
        row = recordings.QUEUE.held(db, job.key, job.worker)
        if gallery is None or row is None:
            return False
        if row.cancelling:
            end(db, row, "cancelled")
        else:
            end(db, row, "done")
            answer(engine, db, gallery, row, found, recording)
    _clean(engine, job)
    return True


def answer(
    engine: Engine, db: Handle, gallery: GalleryRow, row: RecordingRow, found: DiarizedRecording, recording: Recording
) -> None:
    """`recording` is what was `found`, with the names that are still there. The gallery is held."""
    row.answer = results.stored(recording)
    if gallery.keep_unknown_voices and results.options(row).names_anybody:  # else only these were asked for
        keep(engine, db, gallery, row, strangers(found, recording), found.own)


def failed(engine: Engine, job: Claimed, code: str, detail: str) -> None:
    _ended(engine, job, "failed", code, detail)


def refused(engine: Engine, job: Claimed, error: SpeakeridError) -> None:
    _ended(engine, job, "failed", error.code, str(error))


def cancelled(engine: Engine, job: Claimed) -> None:
    _ended(engine, job, "cancelled")


def end(db: Handle, row: RecordingRow, state: recordings.Ended) -> None:
    """From now on no worker has it; its webhook is due."""
    recordings.end(db, row, state)
    row.stage = None
    row.webhook_due = row.finished_at if row.webhook else None


def _ended(
    engine: Engine, job: Claimed, state: recordings.Ended, code: str | None = None, detail: str | None = None
) -> None:
    """Unless the job was lost meanwhile."""
    with engine.write() as db:
        row = recordings.QUEUE.held(db, job.key, job.worker)
        if row is None:
            return
        end(db, row, state)
        row.error_code, row.error_detail = code, detail
    _clean(engine, job)


def still_known(db: Handle, gallery_key: int, recording: Recording) -> Recording:
    """Without the speakers who were erased since; those who are there stay until this is committed."""
    ids = results.speaker_ids(recording)
    today = results.today(db, gallery_key, ids)
    there = speakers.hold(db, gallery_key, {one.id for one in today.values()})
    return results.renamed(recording, {one: SpeakerRef(at.id, "") for one, at in today.items() if at.id in there})


def _clean(engine: Engine, job: Claimed) -> None:
    with engine.read() as db:
        kept = galleries.keeps_audio(db, job.gallery_key)
    if not kept:
        erase.audio(engine, job.key)


def cancel(engine: Engine, gallery: GalleryRow, recording_id: str) -> RecordingJob:
    """One that runs stops within seconds. Raises RecordingNotFound, RecordingEnded."""
    with engine.write() as db:
        row = recordings.get(db, gallery.key, recording_id, lock=True)
        if row.state in ("done", "failed"):
            raise RecordingEnded(row.state)
        waited = row.state == "queued"
        if waited:
            end(db, row, "cancelled")
        elif row.state == "running":
            row.cancelling = True
        db.flush()
    if waited and not gallery.keep_audio:
        erase.audio(engine, row.key)
    return results.shaped(row)


def strangers(found: DiarizedRecording, saved: Recording) -> list[Stranger]:
    """The unknown speakers of what was `found`, under the labels of the answer that is `saved`."""
    voices = zip(found.recording.voices, saved.voices, found.probes, strict=True)
    return [
        Stranger(
            label=kept.voice,
            turns=_turns(saved, kept.voice),
            speech=kept.speech,
            embedding=probe,
        )
        for voice, kept, probe in voices
        if _is_unknown(voice, found)
    ]


def _is_unknown(voice: RecordedVoice, found: DiarizedRecording) -> bool:
    """Not merely without a name: less likely one of the enrolled than none. Who was erased since had a name.

    Not by the candidates' probabilities: they are below one half wherever there is no name.
    """
    if voice.decision not in ("unknown", "no_speakers"):
        return False
    llrs = [one.llr for one in voice.candidates]
    return enrolled_llr(llrs, max(found.enrolled, len(llrs))) < even_odds_llr(found.recording.prior)


def _turns(saved: Recording, voice: str) -> tuple[tuple[float, float], ...]:
    """Start and end in seconds of turns without overlap, if there is one, else of all."""
    own = [turn for turn in saved.turns if turn.voice == voice]
    return tuple((turn.start, turn.end) for turn in [one for one in own if not one.overlap] or own)
