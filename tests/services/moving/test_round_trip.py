"""A gallery moves house: on the other side everything is as it was, or nothing is there."""

from __future__ import annotations

import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select, update

from speakerid import SpeakerID
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import moving
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import (
    GalleryFileDamaged,
    GalleryFileExists,
    GalleryFileOtherEncoder,
    GalleryFileUnwritable,
    GalleryNotFound,
    GalleryTaken,
    InvalidRequest,
    SpeakerOptedOut,
)
from speakerid.services.engine import Engine
from speakerid.services.moving import bring_in as importing
from speakerid.services.moving import send_out, writing
from speakerid.services.moving.bring_in import bring_in
from speakerid.services.moving.reading import GalleryFile
from speakerid.services.recordings.audio import this_process
from speakerid.types import Identification
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, probe, stranger, utterance
from tests.services.enrolled import add_speaker, made_up

KEPT: dict[str, Any] = {
    "external_id": "hr-1",
    "metadata": {"team": "Zürich"},
    "consent": {"expires_at": "2031-02-01T00:00:00+00:00"},
}


@pytest.fixture
def here(engine: Engine) -> SpeakerID:
    """Ada and Ben, weighted, with a calibration and audio; and Eve, of whom there is nothing yet."""
    sid = SpeakerID(engine)
    sid.change_gallery("default", combining="weighted", keep_audio=True, target_fpir=0.02)
    for voice in (ADA, BEN):
        sid.enroll(voice, *(utterance(voice, nth) for nth in range(3)))
    sid.create_speaker("Eve", **KEPT)
    return sid


@pytest.fixture
def there(open_engine: EngineMaker, sqlite_template: Path, tmp_path: Path) -> SpeakerID:
    """Another store, SQLite."""
    path = tmp_path / "there.db"
    path.write_bytes(sqlite_template.read_bytes())
    return SpeakerID(open_engine(str(path)))


def answers(sid: SpeakerID) -> list[Identification]:
    return [sid.identify(one, top_k=5) for one in (probe(ADA), probe(BEN), stranger())]


def rows(sid: SpeakerID, kind: type[UtteranceRow] | type[SpeakerRow], gallery: str = "default") -> list[dict[str, Any]]:
    """What is kept of each, in the order of the store, but for keys."""
    columns = [one for one in kind.__table__.columns if one.key not in ("key", "gallery_key", "speaker_key", "version")]
    with sid.engine.read() as db:
        found = db.execute(
            select(*columns).join(GalleryRow, GalleryRow.key == kind.gallery_key).where(GalleryRow.name == gallery)
            .order_by(kind.key)
        )  # fmt: skip
        return [{key: _plain(value) for key, value in row._mapping.items()} for row in found]


def _plain(value: Any) -> Any:
    return value.tobytes() if isinstance(value, np.ndarray) else value


def test_who_may_not_be_recognized_is_not_over_there_either(here: SpeakerID, there: SpeakerID, tmp_path: Path) -> None:
    here.change_speaker(ADA, consent={"expires_at": "2021-01-31"})
    here.opt_out(BEN)
    here.export_gallery("default", tmp_path / "file.zip")
    there.import_gallery(tmp_path / "file.zip")
    assert rows(there, SpeakerRow) == rows(here, SpeakerRow)
    assert [one.speaker for one in answers(there)] == [None, None, None]
    with pytest.raises(SpeakerOptedOut):
        there.enroll(BEN, utterance(BEN, 0))


def test_every_answer_and_every_row_is_the_same_over_there(here: SpeakerID, there: SpeakerID, tmp_path: Path) -> None:
    done = here.export_gallery("default", tmp_path / "voices.zip", audio=True)
    made = there.import_gallery(tmp_path / "voices.zip")
    assert (done.speakers, done.utterances, done.audio, done.left_out) == (3, 6, 6, ())
    assert (made.utterances, made.audio, made.new_speaker_ids, made.new_utterance_ids) == (6, 6, {}, {})
    assert answers(there) == answers(here)
    for kind in (SpeakerRow, UtteranceRow):
        assert rows(there, kind) == rows(here, kind)
    (was,), (now,) = here.galleries(), there.galleries()
    assert replace(was, created_at=now.created_at, etag=now.etag) == now == made.gallery


def test_a_gallery_comes_back_beside_itself_under_new_ids(here: SpeakerID, there: SpeakerID, tmp_path: Path) -> None:
    here.export_gallery("default", tmp_path / "voices.zip")
    there.import_gallery(tmp_path / "voices.zip")
    there.export_gallery("default", tmp_path / "back.zip")
    made = here.import_gallery(tmp_path / "back.zip", name="back")
    copy = SpeakerID(here.engine, "back")
    assert {made.new_speaker_ids[one.id]: one.name for one in here.speakers()} == {
        one.id: one.name for one in copy.speakers()
    }
    assert [one.name for one in copy.speakers()] == [one.name for one in here.speakers()]  # oldest first
    assert (len(made.new_utterance_ids), made.audio) == (6, 0)
    scores = [[(one.score, one.llr, one.probability) for one in answer.candidates] for answer in answers(here)]
    assert [[(one.score, one.llr, one.probability) for one in answer.candidates] for answer in answers(copy)] == scores
    here.delete_gallery("back")


def test_real_speech_is_found_as_before(here: SpeakerID, there: SpeakerID, speech_root: Path, tmp_path: Path) -> None:
    people = sorted((speech_root / "librispeech" / "dev").iterdir())[:4]
    files = {one.name: sorted(one.glob("*.flac")) for one in people}
    for name, takes in files.items():
        here.enroll(name, *takes[:2], accept="voice_already_enrolled,does_not_match_speaker,more_than_one_voice")
    here.export_gallery("default", tmp_path / "voices.zip")
    there.import_gallery(tmp_path / "voices.zip")
    for takes in files.values():
        assert there.identify(takes[2]) == here.identify(takes[2])


def test_an_enrollment_knows_what_was_enrolled_elsewhere(here: SpeakerID, there: SpeakerID, tmp_path: Path) -> None:
    here.export_gallery("default", tmp_path / "voices.zip")
    there.import_gallery(tmp_path / "voices.zip")
    assert there.enroll(ADA, utterance(ADA, 0)).already_enrolled
    assert not there.enroll(ADA, probe(ADA)).already_enrolled


def test_a_gallery_in_many_parts_is_the_same(
    here: SpeakerID, there: SpeakerID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART_ROWS", 2)
    monkeypatch.setattr(writing, "SPEAKERS_AT_ONCE", 2)
    here.export_gallery("default", tmp_path / "voices.zip", audio=True)
    there.import_gallery(tmp_path / "voices.zip")
    assert rows(there, UtteranceRow) == rows(here, UtteranceRow)


def test_what_is_in_the_way_is_never_mixed_with(here: SpeakerID, there: SpeakerID, tmp_path: Path) -> None:
    here.export_gallery("default", tmp_path / "voices.zip")
    there.create_speaker("Somebody")
    with pytest.raises(GalleryTaken):
        there.import_gallery(tmp_path / "voices.zip")
    with pytest.raises(InvalidRequest):
        there.import_gallery(tmp_path / "voices.zip", name="No Name")
    assert [one.name for one in there.speakers()] == ["Somebody"]
    assert there.import_gallery(tmp_path / "voices.zip", name="team").gallery.speakers == 3


@pytest.mark.usefixtures("there")
def test_a_gallery_of_another_encoder_is_told_which(here: SpeakerID, open_engine: EngineMaker, tmp_path: Path) -> None:
    here.export_gallery("default", tmp_path / "voices.zip")
    other = SpeakerID(open_engine(str(tmp_path / "there.db"), encoder=FakeEncoder(dim=48)))
    with pytest.raises(GalleryFileOtherEncoder, match=r"--encoder fake .*does not carry"):
        other.import_gallery(tmp_path / "voices.zip", name="team")


@pytest.mark.usefixtures("there")
def test_another_encoder_makes_its_own_of_the_audio(here: SpeakerID, open_engine: EngineMaker, tmp_path: Path) -> None:
    """The same embeddings, voiceprints and answers as if everybody was enrolled with it."""
    here.export_gallery("default", tmp_path / "voices.zip", audio=True)
    other = SpeakerID(open_engine(str(tmp_path / "there.db"), encoder=FakeEncoder(dim=48)))
    with pytest.raises(GalleryFileOtherEncoder, match="--reembed"):
        other.import_gallery(tmp_path / "voices.zip", name="moved")
    made = other.import_gallery(tmp_path / "voices.zip", name="moved", reembed=True)
    assert (made.utterances, made.audio, made.gallery.encoder) == (6, 6, other.engine.encoder_label)
    other.create_gallery("anew", combining="weighted")
    anew, moved = SpeakerID(other.engine, "anew"), SpeakerID(other.engine, "moved")
    for voice in (ADA, BEN):
        anew.enroll(voice, *(utterance(voice, nth) for nth in range(3)))
    columns = ("embedding", "encoder_fingerprint", "speech_s")
    found = [[[row[one] for one in columns] for row in rows(other, UtteranceRow, name)] for name in ("moved", "anew")]
    assert found[0] == found[1]
    scores = [[one.score for one in sid.identify(probe(ADA)).candidates] for sid in (moved, anew)]
    assert scores[0] == scores[1]


@pytest.mark.usefixtures("there")
def test_reembedding_needs_all_audio(here: SpeakerID, open_engine: EngineMaker, tmp_path: Path) -> None:
    here.change_gallery("default", keep_audio=False)
    here.enroll(BEN, probe(BEN))
    here.export_gallery("default", tmp_path / "voices.zip", audio=True)
    here.change_gallery("default", keep_audio=True)
    other = SpeakerID(open_engine(str(tmp_path / "there.db"), encoder=FakeEncoder(dim=48)))
    with pytest.raises(GalleryFileOtherEncoder, match="enroll the recordings again"):
        other.import_gallery(tmp_path / "voices.zip", name="moved", reembed=True)


def test_an_empty_gallery_follows_any_encoder(there: SpeakerID, open_engine: EngineMaker, tmp_path: Path) -> None:
    there.create_gallery("empty", target_fpir=0.2)
    assert there.export_gallery("empty", tmp_path / "empty.zip").speakers == 0
    other = SpeakerID(open_engine(str(tmp_path / "there.db"), encoder=FakeEncoder(dim=48)))
    assert other.import_gallery(tmp_path / "empty.zip").gallery.target_fpir == 0.2
    assert other.import_gallery(tmp_path / "empty.zip", name="more").gallery.encoder == other.engine.encoder_label


def test_what_a_killed_import_leaves_is_seen_by_nobody_and_erased_by_the_next(
    here: SpeakerID, there: SpeakerID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.export_gallery("default", tmp_path / "voices.zip")
    machine = this_process().partition("/")[0]
    with monkeypatch.context() as patch:
        patch.setattr(importing, "this_process", lambda: f"{machine}/{os.getpid()}/0")  # one with the same id before
        patch.setattr(importing, "_erase", lambda *_: None)
        patch.setattr(importing._Import, "show", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            there.import_gallery(tmp_path / "voices.zip", name="team")
    assert [one.name for one in there.galleries()] == ["default"]
    assert count(there.engine) == 3
    with there.engine.read() as db:
        (left,) = moving.hidden(db)
    with pytest.raises(GalleryNotFound):
        SpeakerID(there.engine, left.name).speakers()
    importing.clear_leftovers(there.engine)
    assert count(there.engine) == 0


def test_others_write_between_the_parts_and_clear_nothing_away(
    here: SpeakerID, there: SpeakerID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART_ROWS", 1)
    here.export_gallery("default", tmp_path / "voices.zip")
    parts = list[int]()

    def opened_anew(found: Any) -> Any:
        for one in real(found):
            importing.clear_leftovers(there.engine)  # as whoever opens the store
            parts.append(there.create_speaker(f"Speaker {len(parts)}").utterances)
            yield one

    real = GalleryFile.parts
    monkeypatch.setattr(GalleryFile, "parts", opened_anew)
    assert there.import_gallery(tmp_path / "voices.zip", name="team").utterances == 6
    assert len(parts) >= 2
    assert len(there.speakers()) == len(parts)


def test_of_two_imports_at_once_one_is_told_that_the_name_is_taken(
    here: SpeakerID, open_engine: EngineMaker, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.export_gallery("default", file := tmp_path / "team.zip")
    show, other = importing._Import.show, threading.Event()

    def slowly(making: Any, db: Any, name: str) -> Any:
        """Before the name is committed, the other has found it free (PostgreSQL), or waits (SQLite)."""
        found = show(making, db, name)
        other.wait(0.2)
        return found

    def asked(engine: Engine) -> str:
        try:
            return bring_in(engine, file, "new").gallery.name
        except GalleryTaken as error:
            return error.code

    monkeypatch.setattr(importing._Import, "show", slowly)
    with ThreadPoolExecutor(2) as threads:
        found = sorted(threads.map(asked, (here.engine, open_engine(store_url))))
    assert found == ["gallery_taken", "new"]
    with here.engine.read() as db:
        assert moving.hidden(db) == []


def count(engine: Engine) -> int:
    """Speakers of the whole store."""
    with engine.read() as db:
        return db.scalar(select(func.count()).select_from(SpeakerRow)) or 0


def test_a_failure_in_the_middle_leaves_nothing(
    here: SpeakerID, there: SpeakerID, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.export_gallery("default", tmp_path / "voices.zip")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(moving, "add_utterances", killed)
        with pytest.raises(KeyboardInterrupt):
            there.import_gallery(tmp_path / "voices.zip", name="team")
    assert [one.name for one in there.galleries()] == ["default"]
    assert there.import_gallery(tmp_path / "voices.zip", name="team").new_speaker_ids == {}


def test_a_file_is_never_written_over_and_never_left_half(here: SpeakerID, tmp_path: Path) -> None:
    (tmp_path / "there.zip").write_bytes(b"mine")
    with pytest.raises(GalleryFileExists):
        here.export_gallery("default", tmp_path / "there.zip")
    with pytest.raises(GalleryFileUnwritable):
        here.export_gallery("default", tmp_path / "no folder" / "x.zip")
    with pytest.raises(GalleryNotFound):
        here.export_gallery("nowhere", tmp_path / "x.zip")
    assert [one.name for one in tmp_path.glob("*.zip")] == ["there.zip"]
    here.export_gallery("default", tmp_path / "x.zip")
    assert (tmp_path / "x.zip").stat().st_mode & 0o077 == 0


def test_damaged_rows_are_left_out_and_named(here: SpeakerID, there: SpeakerID, tmp_path: Path) -> None:
    bad = here.enroll(BEN, probe(BEN)).utterance.id
    with here.engine.write() as db:
        db.execute(update(UtteranceRow).where(UtteranceRow.id == bad).values(embedding=np.zeros(32, np.float32)))
    done = here.export_gallery("default", tmp_path / "voices.zip")
    assert (done.left_out, done.utterances) == ((bad,), 6)
    assert there.import_gallery(tmp_path / "voices.zip").utterances == 6


def test_an_export_is_of_one_moment(here: SpeakerID, there: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is enrolled while it runs is not in it."""
    monkeypatch.setattr(writing, "SPEAKERS_AT_ONCE", 1)
    monkeypatch.setattr(writing, "PART_ROWS", 1)
    chunks = send_out.chunks(here.engine, "default")
    beginning = next(chunks)
    add_speaker(here.engine, "Late", made_up(unit(1)))
    made = bring_in(there.engine, io.BytesIO(beginning + b"".join(chunks)))
    assert [one.name for one in there.speakers()] == [ADA, BEN, "Eve"]
    assert made.utterances == 6


def test_a_stream_that_ends_early_is_refused(here: SpeakerID, there: SpeakerID) -> None:
    whole = b"".join(send_out.chunks(here.engine, "default"))
    with pytest.raises(GalleryFileDamaged):
        bring_in(there.engine, io.BytesIO(whole[:-40]))
