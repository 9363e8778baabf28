"""Kept unknown voices for tests: recordings that are done, and voices in them made up for the case."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, HearingRow, RecordingRow, UnknownVoiceRow
from speakerid.db.repositories.galleries import get as held
from speakerid.db.types import new_id
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.unknowns import inbox as kept_inbox
from speakerid.services.unknowns.keep import Stranger, keep
from speakerid.types import FloatArray, JobOptions, Speech, UnknownVoice, UnknownVoiceDetails, to_json
from tests.services.enrolled import SPEECH, add_gallery

LONG = replace(SPEECH, seconds=10.0)
ASKED = to_json(JobOptions(speakers=None, candidates=None, channel="mix"))
KEEPING = "keeping"  # a gallery that keeps unknown voices


def add_keeping(engine: Engine, name: str = KEEPING) -> None:
    add_gallery(engine, name, GallerySettings(keep_unknown_voices=True))


def stranger(vector: FloatArray, label: str = "unknown_1", speech: Speech = LONG) -> Stranger:
    return Stranger(label, ((0.0, 4.0), (6.0, 12.0)), speech, vector)


def keep_recording(engine: Engine, *strangers: Stranger, audio: str = "", gallery: str = KEEPING) -> str:
    """The id of a recording with these voices; `audio` stands for its bytes, other ones each time if empty."""
    own = engine.own_strangers(galleries.get(engine, gallery).key)
    with engine.write() as db:
        row = held(db, gallery, lock="change")
        recording = done_recording(db, row, audio)
        keep(engine, db, row, recording, strangers, own)
    return recording.id


def done_recording(db: Handle, gallery: GalleryRow, audio: str = "") -> RecordingRow:
    """Without an answer."""
    row = RecordingRow(id=new_id("rec"), gallery_key=gallery.key, state="done", options=ASKED, sha256=audio or None)
    db.add(row)
    db.flush()
    return row


def inbox(engine: Engine, gallery: str = KEEPING, *, min_recordings: int = 1) -> list[UnknownVoice]:
    with engine.read() as db:
        return list(kept_inbox.page(db, galleries.get(engine, gallery), min_recordings=min_recordings).items)


def details(engine: Engine, unknown_id: str, gallery: str = KEEPING) -> UnknownVoiceDetails:
    with engine.read() as db:
        return kept_inbox.show(db, galleries.get(engine, gallery), unknown_id)


def left(engine: Engine) -> tuple[int, int]:
    """Rows of kept voices and of hearings in the whole store."""
    with engine.read() as db:
        voices, hearings = (
            db.scalar(select(func.count()).select_from(model)) or 0 for model in (UnknownVoiceRow, HearingRow)
        )
        return voices, hearings
