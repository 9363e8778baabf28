"""Which unknown voices are kept, which are recognized again, and how they are forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select

from speakerid.db.models import RecordingRow
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import UnknownVoiceNotFound
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.unknowns.inbox import dismiss, page
from speakerid.services.unknowns.keep import KEPT_SPEECH_S, forget
from speakerid.types import UnknownVoiceTurn
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.services.enrolled import add_gallery, near
from tests.services.kept import KEEPING, LONG, add_keeping, details, inbox, keep_recording, left, stranger

ADA, BEN, EVE = unit(1), unit(2), unit(3)


@pytest.fixture
def keeping(engine: Engine) -> Engine:
    add_keeping(engine)
    return engine


def forget_recording(engine: Engine, recording_id: str) -> None:
    with engine.write(erase=True) as db:
        row = db.scalars(select(RecordingRow).where(RecordingRow.id == recording_id)).one()
        forget(db, row)
        db.delete(row)


def test_a_voice_found_again_is_one_voice(keeping: Engine) -> None:
    first = keep_recording(keeping, stranger(ADA))
    again = keep_recording(keeping, stranger(BEN), stranger(near(ADA, 0.95), "unknown_2"))
    ada, ben = inbox(keeping)
    assert (ada.recordings, ada.speech_seconds, ben.recordings) == (2, 20.0, 1)
    assert ada.first_heard_at < ada.last_heard_at == ben.first_heard_at
    outcome = details(keeping, ada.id)
    assert outcome.unknown == ada
    assert [(one.recording, one.voice) for one in outcome.hearings] == [(first, "unknown_1"), (again, "unknown_2")]
    assert outcome.hearings[0].turns == (UnknownVoiceTurn(0.0, 4.0), UnknownVoiceTurn(6.0, 12.0))
    assert [one.id for one in inbox(keeping, min_recordings=2)] == [ada.id]


def test_two_voices_of_one_recording_are_never_one(keeping: Engine) -> None:
    keep_recording(keeping, stranger(ADA), stranger(near(ADA, 0.99), "unknown_2"))
    assert [one.recordings for one in inbox(keeping)] == [1, 1]
    keep_recording(keeping, stranger(near(ADA, 0.98)), stranger(near(ADA, 0.97), "unknown_2"))
    assert [one.recordings for one in inbox(keeping)] == [2, 2]


def test_the_same_bytes_again_are_no_recurrence(keeping: Engine) -> None:
    for _ in range(2):
        keep_recording(keeping, stranger(ADA), audio="one meeting")
    (voice,) = inbox(keeping)
    assert (voice.recordings, voice.speech_seconds) == (1, 10.0)
    assert len(details(keeping, voice.id).hearings) == 2
    assert inbox(keeping, min_recordings=2) == []


def test_only_voices_with_enough_speech_are_kept(keeping: Engine) -> None:
    short = replace(LONG, seconds=KEPT_SPEECH_S - 0.01)
    keep_recording(keeping, stranger(ADA, speech=short), stranger(BEN, "unknown_2"))
    assert [one.voice for one in details(keeping, inbox(keeping)[0].id).hearings] == ["unknown_2"]
    assert left(keeping) == (1, 1)


def test_switching_it_off_forgets_what_was_kept(keeping: Engine) -> None:
    add_keeping(keeping, "other")
    for gallery in (KEEPING, "other"):
        keep_recording(keeping, stranger(ADA), gallery=gallery)
    with keeping.write(erase=True) as db:
        changed = galleries.update(keeping, db, KEEPING, GallerySettings(target_fpir=0.05))
        assert (changed.keep_unknown_voices, changed.unknown_voices) == (True, 1)
        changed = galleries.update(keeping, db, KEEPING, GallerySettings(keep_unknown_voices=False))
        assert (changed.keep_unknown_voices, changed.unknown_voices) == (False, 0)
    assert left(keeping) == (1, 1)


def test_a_longer_inbox_asks_for_more(keeping: Engine) -> None:
    """At a cosine that joins two voices while one is kept, three hundred kept ones make a new voice of it."""
    assert _joined(keeping, "few", 0)
    assert not _joined(keeping, "many", 300)


def _joined(engine: Engine, gallery: str, others: int) -> bool:
    add_keeping(engine, gallery)
    keep_recording(engine, stranger(ADA), gallery=gallery)
    voices = [stranger(unit(100 + n), f"unknown_{n}") for n in range(others)]
    keep_recording(engine, *voices, gallery=gallery)
    before = left(engine)[0]
    keep_recording(engine, stranger(near(ADA, 0.85)), gallery=gallery)
    return left(engine)[0] == before


def test_a_stricter_gallery_asks_for_more(engine: Engine) -> None:
    for name, target_fpir in (("strict", 0.0001), ("loose", 0.2)):
        add_gallery(engine, name, GallerySettings(target_fpir=target_fpir, keep_unknown_voices=True))
        keep_recording(engine, stranger(ADA), gallery=name)
        keep_recording(engine, stranger(near(ADA, 0.8)), gallery=name)
    assert [len(inbox(engine, name)) for name in ("strict", "loose")] == [2, 1]


def test_voices_of_another_encoder_are_not_compared(keeping: Engine, open_engine: EngineMaker, store_url: str) -> None:
    keep_recording(keeping, stranger(ADA))
    other = open_engine(store_url, encoder=FakeEncoder(dim=16))
    keep_recording(other, stranger(unit(1, dim=16)))
    assert [one.encoder for one in inbox(keeping)] == [keeping.encoder_label, other.encoder_label]


def test_a_voice_goes_with_its_last_recording(keeping: Engine) -> None:
    first = keep_recording(keeping, stranger(ADA))
    again = keep_recording(keeping, stranger(near(ADA, 0.9)), stranger(BEN, "unknown_2"))
    forget_recording(keeping, first)
    ada, ben = inbox(keeping)
    assert (ada.recordings, ada.speech_seconds, ada.first_heard_at) == (1, 10.0, ben.first_heard_at)
    forget_recording(keeping, again)
    assert left(keeping) == (0, 0)


def test_what_is_left_of_a_voice_is_what_it_is_compared_with(keeping: Engine) -> None:
    first = keep_recording(keeping, stranger(ADA))
    keep_recording(keeping, stranger(near(ADA, 0.8)))
    assert len(inbox(keeping)) == 1
    forget_recording(keeping, first)
    aside = near(ADA, 0.8, seed=5)  # like the first, not like what is left
    keep_recording(keeping, stranger(aside))
    assert len(inbox(keeping)) == 2


def test_a_dismissed_voice_may_be_found_anew(keeping: Engine) -> None:
    keep_recording(keeping, stranger(ADA), stranger(BEN, "unknown_2"))
    gone, stays = inbox(keeping)
    with keeping.write(erase=True) as db:
        dismiss(db, galleries.get(keeping, KEEPING), gone.id)
    assert [one.id for one in inbox(keeping)] == [stays.id]
    with pytest.raises(UnknownVoiceNotFound):
        details(keeping, gone.id)
    keep_recording(keeping, stranger(ADA))
    assert [one.recordings for one in inbox(keeping)] == [1, 1]
    assert gone.id not in {one.id for one in inbox(keeping)}


def test_pages(keeping: Engine) -> None:
    for seed in range(5):
        keep_recording(keeping, stranger(unit(seed)))
    gallery, found, cursor = galleries.get(keeping, KEEPING), list[str](), None
    with keeping.read() as db:
        for size in (2, 2, 1):
            some = page(db, gallery, cursor=cursor, limit=2)
            assert len(some.items) == size
            found, cursor = [*found, *(one.id for one in some.items)], some.next_cursor
    assert (cursor, found) == (None, [one.id for one in inbox(keeping)])


def test_recordings_that_end_at_once_keep_a_voice_once(keeping: Engine) -> None:
    def come(number: int) -> str:
        return keep_recording(keeping, stranger(ADA), stranger(BEN if number % 2 else EVE, "unknown_2"))

    def come_and_go(old: str, number: int) -> None:
        forget_recording(keeping, old)
        come(number)

    with ThreadPoolExecutor(8) as pool:
        recordings = list(pool.map(come, range(16)))
    assert sorted(one.recordings for one in inbox(keeping)) == [8, 8, 16]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: forget_recording(keeping, recordings[number]), range(8)))
    assert sorted(one.recordings for one in inbox(keeping)) == [4, 4, 8]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: come_and_go(recordings[8 + number], number), range(8)))
    assert sorted(one.recordings for one in inbox(keeping)) == [4, 4, 8]
