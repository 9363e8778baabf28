"""Whose consent has ended is not recognized any more, wherever a voice is compared, and nobody is told why."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest

from speakerid import SpeakerID
from speakerid.db.models import SpeakerRow
from speakerid.db.repositories import changes, voiceprints
from speakerid.db.repositories import speakers as rows
from speakerid.db.types import now
from speakerid.errors import InvalidRequest, NoVoiceprint
from speakerid.services import galleries, judge
from speakerid.services.engine import Engine
from tests.db.rows import unit
from tests.sampled import ADA, BEN, probe, utterance
from tests.services.recorded import MEETING

ENDED = {"purpose": "minutes", "given_at": "2020-01-31", "expires_at": "2021-01-31"}


@pytest.fixture
def sid(engine: Engine) -> SpeakerID:
    """Ada and Ben are enrolled, and Ada's consent has ended."""
    made = SpeakerID(engine)
    for name, voice in (("Ada", ADA), ("Ben", BEN)):
        made.enroll(name, utterance(voice, 0), utterance(voice, 1))
    made.change_speaker("Ada", consent=ENDED)
    return made


def test_they_are_not_identified_and_nobody_learns_why(sid: SpeakerID) -> None:
    found = sid.identify(probe(ADA))
    assert (found.decision, found.speaker) == ("unknown", None)
    assert [one.speaker.name for one in found.candidates] == ["Ben"]
    assert "consent" not in found.reason
    assert sid.identify(probe(BEN)).decision == "accept"


def test_they_are_not_verified(sid: SpeakerID) -> None:
    with pytest.raises(NoVoiceprint) as refused:
        sid.verify("Ada", probe(ADA))
    assert "consent" not in str(refused.value)


def test_they_are_named_in_no_recording_not_even_as_a_candidate(sid: SpeakerID) -> None:
    for candidates in (None, ["Ada", "Ben"]):
        found = sid.recording(io.BytesIO(MEETING), candidates=candidates)
        named = {one.speaker.name for voice in found.voices for one in voice.candidates}
        assert named <= {"Ben"}
        assert {turn.speaker.name for turn in found.turns if turn.speaker} == {"Ben"}


def test_they_are_recognized_again_once_they_agree(sid: SpeakerID) -> None:
    sid.change_speaker("Ada", consent={"purpose": "minutes", "expires_at": "365d"})
    assert sid.identify(probe(ADA)).speaker is not None
    assert not sid.speaker("Ada").consent_expired


def test_they_are_listed(sid: SpeakerID) -> None:
    assert [one.name for one in sid.speakers(consent_expired=True)] == ["Ada"]
    assert [one.consent_expired for one in sid.speakers()] == [True, False]


def test_consent_ends_at_its_time_without_anybody_doing_anything(engine: Engine, sid: SpeakerID) -> None:
    sid.change_speaker("Ada", consent={"expires_at": "1h"})
    assert sid.identify(probe(ADA)).speaker is not None
    with engine.write() as db:
        gallery = galleries.get(engine, "default")
        row = rows.get(db, gallery.key, sid.speaker("Ada").id)
        row.consent_expires_at = now() - timedelta(seconds=1)
    assert sid.identify(probe(ADA)).speaker is None


def test_consent_ends_for_what_was_read_before_as_well(sid: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody commits anything meanwhile."""
    sid.change_speaker("Ada", consent={"expires_at": "1h"})
    assert sid.identify(probe(ADA)).speaker is not None
    later = now() + timedelta(hours=2)
    monkeypatch.setattr(voiceprints, "now", lambda: later)
    assert sid.identify(probe(ADA)).speaker is None


def test_many_who_are_hidden_crowd_nobody_out(engine: Engine, sid: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index still has them: the nearest thirty may all be hidden."""
    gallery, near = galleries.get(engine, "default"), unit(7)
    with engine.write() as db:
        for number in range(30):
            made = SpeakerRow(id=f"spk_hidden{number}", gallery_key=gallery.key, name=f"{number}", details={})
            made.consent, made.voiceprint, made.version = ENDED, near, 1
            db.add(made)
            db.flush()
            changes.record(db, gallery.key, made.key)
    assert len(engine.indexes.search(gallery.key, near, 32).keys) == 32
    ben = sid.speaker("Ben").id
    found, _ = judge.nearest(engine, gallery, [near], 9)
    assert [one.row.id for one in found] == [ben]
    monkeypatch.setattr(judge, "JUDGED_EACH", 3)
    with engine.read() as db:
        everybody = [row.key for row in rows.every(db, gallery.key)]
    found, size = judge.among(engine, gallery, everybody, [near], 9)
    assert ([one.row.id for one in found], size) == ([ben], 1)


def test_undoing_a_merge_brings_the_end_of_consent_back(sid: SpeakerID) -> None:
    sid.merge("Ada", "Ben")
    sid.undo()
    assert sid.speaker("Ada").consent_expired
    assert sid.identify(probe(ADA)).speaker is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"expires_at": "2031-01-31"}, {"expires_at": "2031-02-01T00:00:00+00:00"}),  # when the day is over
        ({"expires_at": "2031-01-31T12:00+02:00"}, {"expires_at": "2031-01-31T10:00:00+00:00"}),
        ({"given_at": "2026-01-31"}, {"given_at": "2026-01-31T00:00:00+00:00"}),
        ({"expires_at": None, "purpose": "x"}, {"expires_at": None, "purpose": "x"}),
        ({"given": "2026-01-31", "form": {"page": 2}}, {"given": "2026-01-31", "form": {"page": 2}}),
    ],
)
def test_consent_is_kept_with_times_that_everybody_reads(
    sid: SpeakerID, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert sid.change_speaker("Ben", consent=given).consent == kept


@pytest.mark.parametrize(
    "given", [{"expires_at": "soon"}, {"expires_at": 2031}, {"given_at": "90d"}, {"purpose": ["minutes"]}]
)
def test_consent_that_cannot_be_read_is_refused(sid: SpeakerID, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="consent"):
        sid.change_speaker("Ben", consent=given)


def test_a_gallery_is_still_kept_in_order(sid: SpeakerID) -> None:
    assert sid.audit().utterances == 4
    assert sid.enroll("Ada", utterance(ADA, 2)).speaker.consent_expired  # who agrees again may record before
