"""A gallery moves to another encoder while it is served."""

from __future__ import annotations

import os
import threading
import tracemalloc
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from speakerid import SpeakerID
from speakerid.db.cipher import KEY_BYTES, MasterKey
from speakerid.db.models import UtteranceRow
from speakerid.db.repositories import galleries as gallery_rows
from speakerid.db.repositories import reembeddings
from speakerid.db.repositories.speakers import SpeakerFilter
from speakerid.errors import EncoderMismatch, ReembeddingEnded, ReembeddingRunning
from speakerid.services import galleries, health, speakers
from speakerid.services.engine import Engine
from speakerid.services.identify import identify
from speakerid.services.moving.gallery_file import MANIFEST
from speakerid.services.probe import prepare_probe
from speakerid.services.reembedding import jobs, work
from speakerid.services.verify import verify
from speakerid.types import Identification, Reembedding, Utterance
from tests.db.rows import unit
from tests.engines import EngineMaker, in_memory
from tests.sampled import ADA, BEN, probe, silence, utterance
from tests.services.reembedding.two_encoders import (
    OTHER,
    beside,
    claim,
    embeddings,
    let_lease_run_out,
    made,
    move,
)


class Killed(BaseException):
    """Nothing of the process goes on."""


def asked(engine: Engine, voice: str = ADA) -> Identification:
    """As the API asks."""
    return engine.with_encoder(galleries.get(engine, "default"), partial(identify, audio=probe(voice)))


def latest(engine: Engine) -> Reembedding:
    return jobs.latest(engine, "default")


def test_all_is_as_if_everybody_was_enrolled_with_the_other_encoder(both: Engine) -> None:
    before = asked(both)
    started = jobs.start(both, "default", OTHER)
    assert (started.state, started.utterances, started.progress) == ("queued", 6, 0.0)
    move(both)
    anew = SpeakerID(both.others[0], "anew")
    anew.create_gallery("anew", keep_audio=True, combining="weighted")
    for voice in (ADA, BEN):
        anew.enroll(voice, *(utterance(voice, nth) for nth in range(3)))
    found = embeddings(both)
    assert found[:6] == found[6:]
    assert {name for name, _ in found} == {OTHER}
    after, there = asked(both), anew.identify(probe(ADA))
    assert [one.score for one in after.candidates] == [one.score for one in there.candidates]
    assert after.encoder == both.others[0].encoder_label != before.encoder
    assert (latest(both).state, latest(both).progress, made(both)) == ("done", 100.0, 0)


def test_what_is_made_in_an_encrypted_store_opens_where_it_is_put(open_engine: EngineMaker, store_url: str) -> None:
    engine = open_engine(store_url, master=MasterKey(os.urandom(KEY_BYTES)))
    sid = SpeakerID(engine)
    sid.change_gallery("default", keep_audio=True)
    sid.enroll(ADA, utterance(ADA))
    old = embeddings(engine)
    both = beside(engine)
    jobs.start(both, "default", OTHER)
    move(both)
    assert embeddings(both) == [(OTHER, vector[::-1]) for _, vector in old]
    assert asked(both).speaker is not None
    both.others[0].encoder.close()


def test_a_gallery_answers_and_enrolls_with_the_old_encoder_until_all_is_made(both: Engine) -> None:
    old, seen = both.encoder_label, list[str]()

    def meanwhile(done: float, total: float | None) -> None:
        if not seen:
            SpeakerID(both).enroll(BEN, probe(BEN, 1))
        if done < 100.0:
            seen.append(asked(both).encoder)

    jobs.start(both, "default", OTHER)
    move(both, meanwhile)
    assert set(seen) == {old}
    assert [name for name, _ in embeddings(both)] == [OTHER] * 7


def test_who_is_enrolled_at_the_last_moment_is_not_lost(both: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    switch, enrolled = work._Move._switch, list[str]()

    def late(self: work._Move) -> None:
        if not enrolled:
            enrolled.append(SpeakerID(both).enroll(BEN, probe(BEN, 1)).utterance.id)
        switch(self)

    monkeypatch.setattr(work._Move, "_switch", late)
    jobs.start(both, "default", OTHER)
    move(both)
    assert [name for name, _ in embeddings(both)] == [OTHER] * 7
    assert asked(both, BEN).decision == "accept"


def test_another_process_goes_on_where_one_was_killed(both: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(done: float, total: float | None) -> None:
        if done > 50.0:
            raise Killed

    jobs.start(both, "default", OTHER)
    with pytest.raises(Killed):
        move(both, killed)
    assert made(both) == 4
    assert {name for name, _ in embeddings(both)} == {"fake"}
    let_lease_run_out(both)
    embedded, real = list[bytes](), prepare_probe

    def counted(engine: Engine, audio: bytes, *, min_speech_s: float, background: bool) -> object:
        embedded.append(audio)
        return real(engine, audio, min_speech_s=min_speech_s, background=background)

    monkeypatch.setattr(work, "prepare_probe", counted)
    move(both)
    assert (len(embedded), latest(both).state) == (2, "done")


def test_a_process_that_ends_in_order_gives_it_back_at_once(both: Engine) -> None:
    ending = threading.Event()
    jobs.start(both, "default", OTHER)
    work.run(both, claim(both), ending, lambda *_: ending.set())
    assert (latest(both).state, made(both)) == ("queued", 2)
    move(both)
    assert latest(both).state == "done"


def test_cancelled_work_leaves_the_gallery_as_it_was(both: Engine) -> None:
    before = embeddings(both)

    def cancelled(done: float, total: float | None) -> None:
        if not latest(both).cancelling:
            assert jobs.cancel(both, "default").cancelling

    jobs.start(both, "default", OTHER)
    move(both, cancelled)
    assert (latest(both).state, made(both), embeddings(both)) == ("cancelled", 0, before)


def test_a_speaker_who_is_erased_meanwhile_stays_erased(both: Engine) -> None:
    def erased(done: float, total: float | None) -> None:
        sid = SpeakerID(both)
        if done > 50.0 and len(sid.speakers()) == 2:
            sid.delete(ADA)

    jobs.start(both, "default", OTHER)
    move(both, erased)
    assert (latest(both).state, len(embeddings(both))) == ("done", 3)
    assert asked(both).decision == "unknown"


def test_utterances_whose_audio_cannot_be_used_are_named_and_nothing_is_changed(both: Engine) -> None:
    with both.write() as db:
        first = db.scalars(select(UtteranceRow.id).order_by(UtteranceRow.key)).first() or ""
        db.execute(update(UtteranceRow).where(UtteranceRow.id == first).values(audio=silence()))
    before = embeddings(both)
    jobs.start(both, "default", OTHER)
    move(both)
    error = latest(both).error
    assert error is not None
    assert (error.code, first in error.detail, latest(both).state) == ("audio_unusable", True, "failed")
    assert (made(both), embeddings(both)) == (0, before)


def test_one_file_is_in_memory_at_a_time(both: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may have 64 MB."""
    size = 4 * 2**20
    with both.write() as db:
        db.execute(update(UtteranceRow).values(audio=bytes(size)))
    made_up = SimpleNamespace(embedding=unit(1, both.encoder.dim))
    monkeypatch.setattr(work, "AT_ONCE", 16)
    monkeypatch.setattr(work, "prepare_probe", lambda *_, **__: made_up)
    jobs.start(both, "default", OTHER)
    tracemalloc.start()
    move(both)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (latest(both).state, peak < 4 * size) == ("done", True)


def test_audio_that_was_not_kept_of_those_who_came_later_ends_it(both: Engine) -> None:
    def later(done: float, total: float | None) -> None:
        sid = SpeakerID(both)
        if len(embeddings(both)) == 6:
            sid.change_gallery("default", keep_audio=False)
            sid.enroll(BEN, probe(BEN, 1))

    jobs.start(both, "default", OTHER)
    move(both, later)
    error = latest(both).error
    assert error is not None
    assert (error.code, "1 of its 7" in error.detail) == ("audio_not_kept", True)


def test_a_request_that_began_before_the_switch_is_answered_with_the_new_encoder(both: Engine) -> None:
    """Also where the two encoders' embeddings have the same length, so that nothing else would tell them apart."""
    row, speaker = galleries.get(both, "default"), SpeakerID(both).speakers()[0].id
    assert asked(both).decision == "accept"  # both indexes are in memory
    jobs.start(both, "default", OTHER)
    move(both)
    with pytest.raises(EncoderMismatch):
        identify(both, row, probe(ADA))
    with pytest.raises(EncoderMismatch):
        verify(both, row, speaker, probe(ADA))
    assert both.with_encoder(row, partial(identify, audio=probe(ADA))).encoder == both.others[0].encoder_label


def test_an_index_that_was_in_memory_is_replaced_whole(both: Engine) -> None:
    key = galleries.get(both, "default").key
    old = in_memory(both).catch_up(key).vectors
    jobs.start(both, "default", OTHER)
    move(both)
    assert in_memory(both).catch_up(key).vectors is not old
    assert len(in_memory(both.others[0]).catch_up(key)) == 2


@pytest.fixture
def halfway(both: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The gallery has the other encoder, and two of its six embeddings are in place: there the process was killed."""
    put = work._Move._put_in_place
    turns = list[None]()

    def killed(self: work._Move) -> bool:
        if turns:
            raise Killed
        turns.append(None)
        return put(self)

    jobs.start(both, "default", OTHER)
    with monkeypatch.context() as patch:
        patch.setattr(reembeddings, "PLACED_ROWS", 2)
        patch.setattr(work._Move, "_put_in_place", killed)
        with pytest.raises(Killed):
            move(both)
    let_lease_run_out(both)
    assert [name for name, _ in embeddings(both)] == [OTHER] * 2 + ["fake"] * 4
    return both


def test_all_that_is_read_is_of_the_new_encoder_before_it_is_in_place(halfway: Engine, tmp_path: Path) -> None:
    """Answers, lists, an export, what an enrollment is compared with, and voiceprints that are made again."""
    sid = SpeakerID(halfway.others[0])
    before = asked(halfway), asked(halfway, BEN), sid.audit()
    sid.export_gallery("default", tmp_path / "half.zip", audio=True)
    assert {one.encoder for one in listed(halfway, BEN)} == {halfway.others[0].encoder_label}
    with halfway.read() as db:
        assert not [one.what for one in health.damage(db)]
    move(halfway)
    assert (asked(halfway), asked(halfway, BEN), sid.audit()) == before
    assert [name for name, _ in embeddings(halfway)] == [OTHER] * 6
    sid.export_gallery("default", tmp_path / "whole.zip", audio=True)
    assert members(tmp_path / "half.zip") == members(tmp_path / "whole.zip")


def test_whoever_changes_something_before_all_is_in_place_is_right(halfway: Engine) -> None:
    sid = SpeakerID(halfway.others[0])
    sid.enroll(BEN, probe(BEN, 1))
    sid.delete_utterance(ADA, listed(halfway, ADA)[-1].id)
    move(halfway)
    found = [name for name, _ in embeddings(halfway)]
    with halfway.read() as db:
        assert not health.damage(db)  # each voiceprint is what its utterances make
    assert (latest(halfway).state, found) == ("done", [OTHER] * 6)


def test_what_the_gallery_has_already_is_not_taken_from_it(halfway: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """By cancelling, by a failure, or by a move to another encoder that begins before."""
    with pytest.raises(ReembeddingEnded):
        jobs.cancel(halfway, "default")
    with pytest.raises(ReembeddingRunning):
        jobs.start(halfway, "default")
    with monkeypatch.context() as patch:
        patch.setattr(reembeddings, "put_in_place", lambda *_: 1 / 0)
        patch.setattr(work, "AGAIN_S", 0.01)
        for _ in range(work.ATTEMPTS + 1):
            move(halfway)
    assert (latest(halfway).state, made(halfway)) == ("queued", 4)
    move(halfway)
    assert (latest(halfway).state, made(halfway)) == ("done", 0)


def listed(engine: Engine, name: str) -> Sequence[Utterance]:
    with engine.read() as db:
        gallery = gallery_rows.get(db, "default")
        (found,) = speakers.page(db, gallery, only=SpeakerFilter(name=name)).items
        return speakers.list_utterances(db, gallery, found.id).items


def members(file: Path) -> dict[str, bytes]:
    """Of a gallery's file, but for when it was written."""
    with zipfile.ZipFile(file) as inside:
        return {one: inside.read(one) for one in inside.namelist() if one != MANIFEST}


def test_the_calibration_of_the_old_encoder_is_not_used(both: Engine) -> None:
    jobs.start(both, "default", OTHER)
    move(both)
    assert asked(both).calibration == "generic"
    assert SpeakerID(both).galleries()[0].calibration.source == "generic"
