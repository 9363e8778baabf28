"""Work on one recording, from the claim to its end."""

from __future__ import annotations

import logging
import threading

from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import galleries, recordings
from speakerid.errors import (
    DecoderUnavailable,
    EncoderFailed,
    Overloaded,
    RecordingAbandoned,
    SpeakeridError,
    StoreError,
)
from speakerid.services.engine import Engine
from speakerid.services.recording import RecordingOptions, hear
from speakerid.services.recordings import audio, current_names, jobs, save
from speakerid.services.recordings.lease import Lease, Stop
from speakerid.services.recordings.save import Claimed
from speakerid.services.speaker_count import SpeakerCount

logger = logging.getLogger(__name__)

ATTEMPTS = 3  # a recording that ends every process that works on it is not tried for ever
INTERNAL = "internal_error"
UNFORESEEN = "The server failed on this recording. Its log has the cause under this recording's id."


def claim(engine: Engine, worker: str) -> RecordingRow | None:
    """A job for `worker`, None when there is none."""
    with engine.read() as db:
        if not recordings.free(db):
            return None
    with engine.write() as db:
        return recordings.claim(db, worker)


def run(engine: Engine, row: RecordingRow, ending: threading.Event) -> None:
    """Whatever happens, the job has ended then, waits again, or is another's. Raises StoreError."""
    assert row.worker is not None
    job = Claimed(row.key, row.gallery_key, row.worker)
    if row.cancelling:
        save.cancelled(engine, job)
    elif row.attempts > ATTEMPTS:
        save.refused(engine, job, RecordingAbandoned(ATTEMPTS))
    else:
        _work(engine, job, row, ending)


def _work(engine: Engine, job: Claimed, row: RecordingRow, ending: threading.Event) -> None:
    try:
        with engine.read() as db:
            gallery = galleries.by_key(db, row.gallery_key)
        if gallery is None:
            return  # erased, and the recording with it
        with Lease(engine, job, ending) as lease:
            options = _options(engine, gallery, row)
            heard = hear(engine, gallery, audio.stored(engine, row.key, row.size), options, lease.watch, lease.at)
        save.done(engine, job, heard)
    except (Stop, audio.AudioGone):
        _stopped(engine, job)
    except (Overloaded, StoreError, DecoderUnavailable) as error:
        logger.warning("recording %s has to be begun anew: %s", row.id, error)
        _give_back(engine, job, tried=True)
    except EncoderFailed as error:
        logger.error("recording %s: %s", row.id, error.code, exc_info=error)
        save.failed(engine, job, error.code, UNFORESEEN)
    except SpeakeridError as error:
        save.refused(engine, job, error)
    except Exception as error:
        logger.error("recording %s failed", row.id, exc_info=error)
        save.failed(engine, job, INTERNAL, UNFORESEEN)


def _options(engine: Engine, gallery: GalleryRow, row: RecordingRow) -> RecordingOptions:
    jobs.require_readable(row)
    asked = jobs.options(row)
    candidates = asked.candidates
    if candidates is not None:
        with engine.read() as db:
            candidates = tuple(one.id for one in current_names.today(db, gallery.key, candidates).values())
    count = SpeakerCount(asked.speakers, asked.min_speakers, asked.max_speakers)
    return RecordingOptions(count, candidates, asked.channel)


def _stopped(engine: Engine, job: Claimed) -> None:
    """Cancelled, or left to another; where it was lost or erased, both change nothing."""
    with engine.read() as db:
        row = recordings.held(db, job.key, job.worker)
    if row is not None and row.cancelling:
        save.cancelled(engine, job)
    else:
        _give_back(engine, job, tried=False)


def _give_back(engine: Engine, job: Claimed, *, tried: bool) -> None:
    with engine.write() as db:
        recordings.give_back(db, job.key, job.worker, tried=tried)
