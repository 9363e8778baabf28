"""Recordings fill the inbox of unknown voices, and tell what became of them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import select

from speakerid.db.engine import Database, Handle
from speakerid.db.models import RecordingRow
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.recordings import erase
from speakerid.services.speakers import SpeakerFields
from speakerid.services.unknowns.promote import look_up, promote
from speakerid.services.validation import EVERY_REFUSAL
from speakerid.types import RecordedVoice
from tests.sampled import ADA, BEN
from tests.services.enrolled import erase_speaker
from tests.services.kept import KEEPING, add_keeping, inbox, left
from tests.services.recorded import MEETING, look, meeting, send, work

OTHER = meeting(BEN, ADA)


@pytest.fixture
def keeping(engine: Engine) -> Engine:
    add_keeping(engine)
    return engine


def gone_through(engine: Engine, audio: bytes = MEETING, gallery: str = KEEPING) -> str:
    made = send(engine, audio, gallery)
    work(engine)
    return made


def voices(engine: Engine, recording_id: str, gallery: str = KEEPING) -> tuple[RecordedVoice, ...]:
    found = look(engine, recording_id, gallery).result
    assert found is not None
    return found.voices


def test_a_voice_has_one_id_in_all_recordings(keeping: Engine) -> None:
    first, other = (voices(keeping, gone_through(keeping, audio)) for audio in (MEETING, OTHER))
    assert [one.voice for one in first] == ["unknown_1", "unknown_2"]
    assert [one.unknown_id for one in first] == [one.unknown_id for one in other][::-1]
    assert {one.id: one.recordings for one in inbox(keeping)} == {one.unknown_id: 2 for one in first}
    with keeping.read() as db:
        digests = set(db.scalars(select(RecordingRow.sha256)))
    assert digests == {hashlib.sha256(audio).hexdigest() for audio in (MEETING, OTHER)}


def one_connection(patch: pytest.MonkeyPatch) -> None:
    """Reading is refused to a thread that writes."""
    writing, read, write = threading.local(), Database.read, Database.write

    def reading(database: Database) -> AbstractContextManager[Handle]:
        assert not getattr(writing, "now", False), "a second connection inside a write transaction"
        return read(database)

    @contextmanager
    def noted(database: Database) -> Iterator[Handle]:
        with write(database) as db:
            writing.now = True
            try:
                yield db
            finally:
                writing.now = False

    patch.setattr(Database, "read", reading)
    patch.setattr(Database, "write", noted)


def test_keeping_and_promoting_need_one_connection_at_a_time(keeping: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that hold one while they wait for a second would empty PostgreSQL's pool."""
    one_connection(monkeypatch)
    gone_through(keeping)
    unknown_id = voices(keeping, gone_through(keeping, OTHER))[0].unknown_id
    assert unknown_id is not None
    near = look_up(keeping, galleries.get(keeping, KEEPING), unknown_id)
    with keeping.write() as db:
        promote(keeping, db, KEEPING, unknown_id, SpeakerFields(name="Ada"), near, EVERY_REFUSAL)


def test_other_galleries_keep_no_one(engine: Engine) -> None:
    found = voices(engine, gone_through(engine, gallery="default"), "default")
    assert [one.unknown_id for one in found] == [None, None]
    assert left(engine) == (0, 0)


def test_past_recordings_name_who_was_promoted(keeping: Engine) -> None:
    made = gone_through(keeping)
    unknown_id = voices(keeping, made)[0].unknown_id
    assert unknown_id is not None
    near = look_up(keeping, galleries.get(keeping, KEEPING), unknown_id)
    with keeping.write() as db:
        ada = promote(keeping, db, KEEPING, unknown_id, SpeakerFields(name="Ada"), near, EVERY_REFUSAL).speaker
    first, second = voices(keeping, made)
    assert first.speaker is not None
    assert (first.voice, first.speaker.name, first.decision, first.unknown_id) == (ada.id, "Ada", "accept", None)
    assert (second.speaker, second.voice) == (None, "unknown_2")
    found = look(keeping, made, KEEPING).result
    assert found is not None
    assert {turn.speaker.name for turn in found.turns if turn.speaker} == {"Ada"}
    erase_speaker(keeping, ada.id, KEEPING)
    assert [one.voice for one in voices(keeping, made)] == ["unknown_1", "unknown_2"]


def test_an_erased_recording_takes_its_voices_along(keeping: Engine) -> None:
    made, other = gone_through(keeping), gone_through(keeping, OTHER)
    gallery = galleries.get(keeping, KEEPING)
    erase.recording(keeping, gallery, made)
    assert {one.recordings for one in inbox(keeping)} == {1}
    erase.recording(keeping, gallery, other)
    assert left(keeping) == (0, 0)
