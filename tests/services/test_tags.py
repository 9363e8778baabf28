"""Tags pick speakers: in lists, and as the only ones who may be named."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from speakerid import SpeakerID
from speakerid.errors import InvalidTag
from speakerid.services import judge, validation
from speakerid.services.engine import Engine
from speakerid.services.moving import gallery_file
from speakerid.services.validation import MOST_TAGS
from tests.conftest import STORES
from tests.db.rows import unit
from tests.sampled import ADA, BEN, probe, utterance
from tests.services.enrolled import add_speaker, made_up
from tests.services.recorded import MEETING


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def known(sid: SpeakerID) -> SpeakerID:
    """Ada of the staff in Berlin, Ben of the staff."""
    for name, voice, tags in (("Ada", ADA, ["staff", "berlin"]), ("Ben", BEN, ["staff"])):
        sid.enroll(name, utterance(voice, 0), utterance(voice, 1), tags=tags)
    return sid


def test_a_tag_is_kept_in_small_letters_and_once(sid: SpeakerID) -> None:
    made = sid.create_speaker("Ada", tags=["Staff", "  staff ", "Zu\u0308rich", "two  words"])
    assert made.tags == ("staff", "two words", "zürich")
    assert sid.change_speaker("Ada", tags=["STAFF", "b"]).tags == sid.speaker("Ada").tags == ("b", "staff")
    assert sid.change_speaker("Ada", external_id="hr-1").tags == ("b", "staff")
    assert sid.change_speaker("Ada", tags=[]).tags == ()


@pytest.mark.parametrize("wrong", ["", " ", "a,b", "x" * 65, "bell\a", "\u200b"])
def test_what_is_no_tag_is_refused_by_name(known: SpeakerID, wrong: str) -> None:
    for refused in (
        lambda: known.change_speaker("Ada", tags=["fine", wrong]),
        lambda: known.identify(probe(ADA), tags=[wrong]),
        lambda: known.speakers(tag=wrong),
    ):
        with pytest.raises(InvalidTag):
            refused()
    assert known.speaker("Ada").tags == ("berlin", "staff")


def test_a_speaker_has_so_many_tags_and_no_more(sid: SpeakerID) -> None:
    most = [f"t{nth}" for nth in range(MOST_TAGS)]
    assert len(sid.create_speaker("Ada", tags=[*most, "T0"]).tags) == MOST_TAGS
    with pytest.raises(InvalidTag, match=f"at most {MOST_TAGS}"):
        sid.enroll("Ada", utterance(ADA, 0), tags=["one more"])


def test_enrolling_adds_tags_to_those_there_are(known: SpeakerID) -> None:
    assert known.enroll("Ada", utterance(ADA, 2), tags=["night shift"]).speaker.tags == (
        "berlin",
        "night shift",
        "staff",
    )


def test_a_list_has_those_with_the_tag_and_of_this_gallery(known: SpeakerID) -> None:
    known.create_gallery("other")
    SpeakerID(known.engine, "other").create_speaker("Eve", tags=["staff"])
    assert [one.name for one in known.speakers(tag="Staff")] == ["Ada", "Ben"]
    assert [one.name for one in known.speakers(tag="berlin")] == ["Ada"]
    assert known.speakers(tag="berlin", name="Ben") == known.speakers(tag="paris") == []


def test_only_who_has_one_of_the_tags_is_named(known: SpeakerID) -> None:
    among = {tags: known.identify(probe(BEN), tags=tags) for tags in (("berlin",), ("berlin", "STAFF"), ("paris",))}
    assert [one.decision for one in among.values()] == ["unknown", "accept", "no_speakers"]
    assert [len(one.candidates) for one in among.values()] == [1, 2, 0]
    both = known.identify(probe(BEN), tags=["staff"], candidates=["Ada"])  # one restriction does not lift the other
    assert [one.speaker.name for one in both.candidates] == ["Ada"]


def test_tags_decide_as_the_same_candidates_do(known: SpeakerID) -> None:
    assert known.identify(probe(ADA), tags=["berlin"]) == known.identify(probe(ADA), candidates=["Ada"])


def test_of_many_tagged_speakers_the_same_are_found(known: SpeakerID, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are too many to compare each, the index is asked: with the same decision and threshold."""
    for seed in range(30):
        add_speaker(known.engine, f"crowd {seed}", made_up(unit(seed)), tags=["crowd", "all"][seed % 2 :])
    for name in ("Ada", "Ben"):
        known.change_speaker(name, tags=["crowd"])
    each = known.identify(probe(BEN), tags=["crowd"], top_k=1)
    monkeypatch.setattr(judge, "JUDGED_EACH", 3)
    near = known.identify(probe(BEN), tags=["crowd"], top_k=1)
    assert (near.decision, near.speaker, near.threshold) == (each.decision, each.speaker, each.threshold)
    assert near.candidates[0].llr == each.candidates[0].llr
    assert near.threshold is not None
    assert "gallery of 17" in near.threshold.source or "even odds" in near.threshold.source


def test_a_recording_names_only_who_has_the_tag(known: SpeakerID) -> None:
    named = [one.speaker.name for one in known.recording(io.BytesIO(MEETING)).voices if one.speaker]
    tagged = [one.speaker.name for one in known.recording(io.BytesIO(MEETING), tags=["berlin"]).voices if one.speaker]
    assert (sorted(named), tagged) == (["Ada", "Ben"], ["Ada"])


def test_unknown_voices_are_not_kept_where_only_some_may_be_named(known: SpeakerID) -> None:
    known.change_gallery("default", keep_unknown_voices=True)
    known.recording(io.BytesIO(MEETING), tags=["paris"])
    assert known.unknowns() == []


def test_tags_come_back_when_a_merge_is_undone_and_go_with_an_opt_out(known: SpeakerID) -> None:
    assert known.merge("Ada", "Ben").speakers[0].tags == ("staff",)
    known.undo()
    assert known.speaker("Ada").tags == ("berlin", "staff")
    assert known.opt_out("Ada").tags == ()
    known.delete("Ben")
    assert known.speakers(tag="staff") == []


def test_a_gallery_moves_with_its_tags(known: SpeakerID, tmp_path: Path) -> None:
    known.export_gallery("default", tmp_path / "file.zip")
    known.import_gallery(tmp_path / "file.zip", name="copy")
    moved = SpeakerID(known.engine, "copy").speakers()
    assert [(one.name, one.tags) for one in moved] == [("Ada", ("berlin", "staff")), ("Ben", ("staff",))]


def test_a_split_off_speaker_has_tags_of_their_own(known: SpeakerID) -> None:
    third = known.enroll("Ada", utterance(ADA, 2)).utterance.id
    assert [one.tags for one in known.split("Ada", [third], "Twin", tags=["new"]).speakers] == [
        ("berlin", "staff"),
        ("new",),
    ]


@pytest.mark.parametrize("store_kind", STORES)
def test_tags_are_stored_on_every_kind_of_store(engine: Engine) -> None:
    sid = SpeakerID(engine)
    sid.create_speaker("Ada", tags=["b", "a"])
    sid.change_speaker("Ada", tags=["c", "a"])
    assert [one.tags for one in sid.speakers(tag="c")] == [("a", "c")]


def test_a_tag_is_normalized_the_same_wherever_it_comes_from() -> None:
    assert validation.tags(["İstanbul", "ISTANBUL", "istanbul", "İ\u0307stanbul"]) == ("istanbul",)


def test_a_speaker_in_a_file_from_before_tags_has_none() -> None:
    line = (
        '{"id": "spk_01K9Z3T5W8Q0R2M4N6P7S9V1X3", "name": "Ada", "external_id": null, "metadata": {}, "consent": {}, '
    )
    before = line + '"opted_out_at": null, "created_at": "2026-01-31T10:00:00Z"}'
    assert gallery_file.SPEAKER.validate_json(before).tags == []
