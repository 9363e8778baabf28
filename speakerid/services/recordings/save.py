"""How a job ends, or waits again: one transaction, by whoever still holds its lease."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import galleries, recordings, speakers
from speakerid.errors import EncoderFailed, Overloaded, RecordingAbandoned, RecordingEnded, SpeakeridError, StoreError
from speakerid.scoring.decision import enrolled_llr, even_odds_llr
from speakerid.services.engine import Engine
from speakerid.services.recording import DiarizedRecording
from speakerid.services.recordings import erase, faults, results
from speakerid.services.unknowns.keep import Stranger, keep
from speakerid.types import RecordedVoice, Recording, RecordingJob, SpeakerRef

logger = logging.getLogger(__name__)

INTERNAL = "internal_error"
UNFORESEEN = "The server failed on this recording. Its log has the cause under this recording's id."


@dataclass(frozen=True)
class Claimed:
    """A job and who holds it."""

    key: int
    gallery_key: int
    worker: str


@dataclass(frozen=True)
class End:
    """How the work on a job ended: what is to be written, and whether this machine was fit for it."""

    write: Callable[[], object]
    fit: bool = True


def insist(write: Callable[[], object], ending: threading.Event, pause_s: float) -> None:
    """Until the store has it: else an attempt would be lost, and its reason. Raises StoreError once it is to end."""
    warned = False
    while True:
        try:
            write()
        except (StoreError, Overloaded) as error:
            if not warned:
                logger.warning("the store is away: %s", error)
            warned = True
            if ending.wait(pause_s):
                raise
        else:
            return


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


def stopped(engine: Engine, job: Claimed) -> None:
    """Cancelled, or left to another; where it was lost or erased, both change nothing."""
    with engine.read() as db:
        row = recordings.QUEUE.held(db, job.key, job.worker)
    if row is not None and row.cancelling:
        cancelled(engine, job)
    else:
        give_back(engine, job, tried=False)


def give_back(engine: Engine, job: Claimed, *, tried: bool, pause_s: float | None = None) -> None:
    with engine.write() as db:
        recordings.QUEUE.give_back(db, job.key, job.worker, tried=tried, pause_s=pause_s)


def after(error: Exception, engine: Engine, job: Claimed, row: RecordingRow) -> End:
    """What becomes of a job that could not be done."""
    if faults.is_of_machine(error):
        return End(_later(error, engine, job, row), fit=False)
    if isinstance(error, SpeakeridError) and not isinstance(error, EncoderFailed):
        return End(partial(refused, engine, job, error))
    logger.error("recording %s failed", row.id, exc_info=error)
    code = error.code if isinstance(error, EncoderFailed) else INTERNAL
    return End(partial(failed, engine, job, code, UNFORESEEN))


def _later(error: Exception, engine: Engine, job: Claimed, row: RecordingRow) -> Callable[[], None]:
    """For faults of the machine: the file is not at fault, and there are pauses for them to pass."""
    if row.attempts >= recordings.ATTEMPTS:
        logger.error("recording %s is given up", row.id, exc_info=error)
        return partial(refused, engine, job, RecordingAbandoned(faults.reason(error)))
    pause_s = recordings.pause_s(row.attempts)
    what = str(error) or type(error).__name__
    logger.warning("recording %s has to be begun anew, in %g s: %s", row.id, pause_s, what)
    return partial(give_back, engine, job, tried=True, pause_s=pause_s)


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
    """What cannot be erased now is later (`erase.leftovers`): the job has ended all the same."""
    try:
        with engine.read() as db:
            kept = galleries.keeps_audio(db, job.gallery_key)
        if not kept:
            erase.audio(engine, job.key)
    except (StoreError, Overloaded) as error:
        logger.warning("the audio of a recording that has ended is erased later: %s", error)


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
