"""Recordings as jobs, step by step, without threads."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import func, select, update

from speakerid.audio.decode import decode
from speakerid.db.models import RecordingPieceRow, RecordingRow
from speakerid.db.repositories import recordings
from speakerid.errors import EncoderFailed
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.recordings import results
from speakerid.services.recordings import worker as running
from speakerid.services.recordings.submit import Intake, RecordingRequest, receiving
from speakerid.types import RecordingResult
from tests.audio.encode import soundfile_bytes
from tests.sampled import ADA, BEN, probe

PAUSE = np.zeros(12_000, np.float32)


def meeting(*voices: str) -> bytes:
    """Each says a whole recording, with pauses between."""
    outcome = [decode(probe(voice, nth % 2)) for nth, voice in enumerate(voices)]
    return soundfile_bytes(np.concatenate([PAUSE, *(part for one in outcome for part in (one, PAUSE))]), 16_000, "FLAC")


MEETING = meeting(ADA, BEN, ADA, BEN)


def send(engine: Engine, audio: bytes = MEETING, gallery: str = "default", **asked: Any) -> str:
    """The id of a job that waits. `asked`: what Asked has, and intake, key_id."""
    intake, key_id = asked.pop("intake", Intake()), asked.pop("key_id", None)
    with receiving(engine, galleries.get(engine, gallery), RecordingRequest(**asked), intake, key_id) as upload:
        upload.add(audio)
        answer, _ = upload.finish()
    return str(answer["id"])


def claim(engine: Engine, worker: str = "wrk_test") -> RecordingRow:
    row = running.claim(engine, worker)
    assert row is not None
    return row


def work(engine: Engine, worker: str = "wrk_test") -> None:
    """On the oldest job, to its end."""
    running.run(engine, claim(engine, worker), threading.Event())


def let_lease_run_out(engine: Engine) -> None:
    with engine.write() as db:
        db.execute(update(RecordingRow).values(lease_until=recordings.clock(db) - timedelta(seconds=1)))


def look(engine: Engine, recording_id: str, gallery: str = "default") -> RecordingResult:
    with engine.read() as db:
        return results.result(db, galleries.get(engine, gallery), recording_id)


def pieces(engine: Engine) -> int:
    """Of audio, in the whole store."""
    with engine.read() as db:
        return db.scalar(select(func.count()).select_from(RecordingPieceRow)) or 0


def rows(engine: Engine) -> int:
    with engine.read() as db:
        return db.scalar(select(func.count()).select_from(RecordingRow)) or 0


def out_of_memory() -> Exception:
    """As the encoder's thread passes it on."""
    failed = EncoderFailed("The encoder failed (RuntimeException). The log has the cause.")
    failed.__cause__ = RuntimeError("Failed to allocate memory for requested buffer of size 12345")
    return failed
