"""Beginning, looking at and cancelling a gallery's move to another encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from speakerid import SpeakerID
from speakerid.db.models import ReembeddingRow
from speakerid.errors import (
    AudioNotKept,
    EncoderNotServed,
    ReembeddingEnded,
    ReembeddingNotFound,
    ReembeddingRunning,
    SameEncoder,
)
from speakerid.services.engine import Engine
from speakerid.services.reembedding import jobs, work
from tests.sampled import ADA, probe, utterance
from tests.services.reembedding.two_encoders import OTHER, beside, move


@pytest.fixture(params=["sqlite"])  # what differs on PostgreSQL, test_work.py goes through
def store_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def both(engine: Engine) -> Iterator[Engine]:
    """Ada, with kept audio, and two encoders."""
    SpeakerID(engine).change_gallery("default", keep_audio=True)
    SpeakerID(engine).enroll(ADA, utterance(ADA))
    found = beside(engine)
    yield found
    found.others[0].encoder.close()


def test_the_same_asked_again_is_the_same_job(both: Engine) -> None:
    assert jobs.start(both, "default", OTHER) == jobs.start(both, "default", both.others[0].encoder_label)


def test_another_encoder_has_to_wait(both: Engine) -> None:
    jobs.start(both, "default", OTHER)
    with pytest.raises(ReembeddingRunning, match=OTHER):
        jobs.start(both, "default")


def test_utterances_without_audio_are_counted_before_anything_begins(both: Engine) -> None:
    sid = SpeakerID(both)
    sid.change_gallery("default", keep_audio=False)
    sid.enroll(ADA, probe(ADA))
    with pytest.raises(AudioNotKept, match="1 of its 2 utterances"):
        jobs.start(both, "default", OTHER)
    with pytest.raises(ReembeddingNotFound):
        jobs.latest(both, "default")


def test_the_encoder_it_has_already_is_refused_with_the_others_named(both: Engine) -> None:
    with pytest.raises(SameEncoder, match=both.others[0].encoder_label):
        jobs.start(both, "default")


def test_an_encoder_that_is_not_here_is_refused(both: Engine) -> None:
    with pytest.raises(EncoderNotServed, match="SPEAKERID_OTHER_ENCODERS"):
        jobs.start(both, "default", "campplus")


def test_a_plus_in_the_name_of_an_encoder_may_have_become_a_blank_in_the_address(both: Engine) -> None:
    pair = beside(both, "one+other")
    assert jobs.start(pair, "default", "one other").encoder == pair.others[0].encoder_label
    pair.others[0].encoder.close()


def test_a_job_that_waits_is_cancelled_at_once(both: Engine) -> None:
    jobs.start(both, "default", OTHER)
    assert jobs.cancel(both, "default").state == "cancelled"
    assert work.claim(both, "wrk_test") is None
    assert jobs.start(both, "default", OTHER).state == "queued"


def test_only_the_last_one_is_kept(both: Engine) -> None:
    for _ in range(3):
        jobs.start(both, "default", OTHER)
        jobs.cancel(both, "default")
    with both.read() as db:
        assert [row.id for row in db.scalars(select(ReembeddingRow))] == [jobs.latest(both, "default").id]


def test_what_is_done_cannot_be_cancelled(both: Engine) -> None:
    jobs.start(both, "default", OTHER)
    move(both)
    with pytest.raises(ReembeddingEnded, match="done"):
        jobs.cancel(both, "default")


def test_a_process_without_the_encoder_leaves_the_job_to_others(both: Engine, engine: Engine) -> None:
    jobs.start(both, "default", OTHER)
    assert work.claim(engine, "wrk_test") is None


def test_the_way_back_is_the_same_way(both: Engine) -> None:
    jobs.start(both, "default", OTHER)
    move(both)
    jobs.start(both, "default")
    move(both)
    assert SpeakerID(both).identify(probe(ADA)).decision == "accept"


def test_a_file_of_another_encoder_that_is_served_comes_in_with_it(both: Engine, tmp_path: Path) -> None:
    other = SpeakerID(both.others[0], "other")
    other.create_gallery("other")
    other.enroll(ADA, utterance(ADA))
    other.export_gallery("other", tmp_path / "voices.zip")
    made = SpeakerID(both).import_gallery(tmp_path / "voices.zip", name="again")
    assert made.gallery.encoder == both.others[0].encoder_label
    assert SpeakerID(both.others[0], "again").identify(probe(ADA)).decision == "accept"


def test_python_waits_until_it_has_ended(both: Engine) -> None:
    seen = list[float]()
    found = SpeakerID(both).reembed(OTHER, watch=lambda done, total: seen.append(done))
    assert (found.state, found.encoder, seen[-1]) == ("done", both.others[0].encoder_label, 100.0)
    assert SpeakerID(both).reembedding() == found
