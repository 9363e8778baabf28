"""Speakers looked up as people type them, and refusals that say who is meant."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid import SpeakerID
from speakerid.errors import (
    AmbiguousName,
    DoesNotMatchSpeaker,
    ExternalIdTaken,
    InvalidRequest,
    SpeakerNotFound,
    UtteranceElsewhere,
    VoiceAlreadyEnrolled,
)
from tests.sampled import ADA, BEN, probe, utterance

ZOE, ZOE_ON_A_MAC = "Zoë Weiß", "Zoe\u0308 Weiß"


def test_a_name_written_otherwise_is_the_same_speaker(sid: SpeakerID) -> None:
    first = sid.enroll(ZOE_ON_A_MAC, utterance(ADA, 0)).speaker
    for nth, name in enumerate((f" {ZOE}  ", "ZOË WEISS"), 1):
        assert sid.enroll(name, utterance(ADA, nth)).speaker.id == first.id
    assert [one.name for one in sid.speakers()] == [ZOE_ON_A_MAC]
    assert sid.verify("zoë\u00a0weiß", probe(ADA)).speaker.name == ZOE_ON_A_MAC
    assert [one.id for one in sid.speakers(name="ZOË WEIẞ")] == [first.id]
    assert sid.speakers(name="Zoe Weiß") == []


def test_a_new_name_is_looked_up_at_once_and_the_old_one_no_more(sid: SpeakerID) -> None:
    sid.create_speaker("Ada")
    assert sid.change_speaker("ADA", name="Zoë").name == "Zoë"
    assert sid.speaker("zoe\u0308").name == "Zoë"
    with pytest.raises(SpeakerNotFound, match="'Ada'"):
        sid.speaker("Ada")


def test_a_name_that_several_have_is_refused_with_their_ids(sid: SpeakerID) -> None:
    ids = [sid.create_speaker(name).id for name in ("Ada", "ADA")]
    for ask in (sid.speaker, lambda name: sid.enroll(name, utterance(ADA)), lambda name: sid.verify(name, probe(ADA))):
        with pytest.raises(AmbiguousName, match=rf"'ada'.*{ids[0]}, {ids[1]}") as caught:
            ask("ada")
        assert caught.value.facts == {"speaker_ids": ids}
    assert sid.speaker(ids[1]).name == "ADA"


def test_of_many_with_one_name_ten_are_listed(sid: SpeakerID) -> None:
    for _ in range(12):
        sid.create_speaker("Ada")
    with pytest.raises(AmbiguousName, match=r"12 speakers .* and 2 more") as caught:
        sid.speaker("Ada")
    assert str(caught.value).count("spk_") == 10


def test_an_id_is_an_id_whatever_somebody_is_called(sid: SpeakerID) -> None:
    ada = sid.create_speaker("Ada")
    sid.create_speaker(ada.id)
    assert sid.speaker(f" {ada.id} ").name == "Ada"


@pytest.mark.parametrize("name", ["", " ", "\0", "\udceb", "\ufeff", "x" * 100_000, "%", "_", "*", "A'; --"], ids=ascii)
def test_what_is_nobody_s_name_finds_nobody(sid: SpeakerID, name: str) -> None:
    sid.create_speaker("Ada")
    with pytest.raises(SpeakerNotFound) as caught:
        sid.speaker(name)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["Ada\u202e", "\ufeffAda", "A\u200bda", "Zo\udceb", "\u200d", "a" * 1000], ids=ascii)
def test_no_new_speaker_gets_an_impossible_name(sid: SpeakerID, name: str) -> None:
    with pytest.raises(InvalidRequest, match="'name' "):
        sid.enroll(name, utterance(ADA))
    assert sid.speakers() == []


def test_your_own_ids_are_compared_as_they_are(sid: SpeakerID) -> None:
    sid.create_speaker("Ada", external_id="hr-a")
    sid.create_speaker("Ben", external_id="HR-A")
    assert [one.name for one in sid.speakers(external_id="HR-A")] == ["Ben"]
    with pytest.raises(ExternalIdTaken, match="'Ada'"):
        sid.create_speaker("Eve", external_id="hr-a")


def test_refusals_say_who_is_meant(sid: SpeakerID) -> None:
    ada = sid.enroll("Ada {0}", utterance(ADA, 0)).speaker
    with pytest.raises(DoesNotMatchSpeaker, match=r"enrolled for .Ada \{0\}."):
        sid.enroll("ada {0}", utterance(BEN))
    with pytest.raises(VoiceAlreadyEnrolled, match=rf"speaker .Ada \{{0\}}. \({ada.id}\)") as caught:
        sid.enroll("Eve", utterance(ADA, 1))
    assert (caught.value.facts["speaker_id"], caught.value.facts["speaker_name"]) == (ada.id, "Ada {0}")
    with pytest.raises(UtteranceElsewhere, match=rf"speaker .Ada \{{0\}}. \({ada.id}\)"):
        sid.enroll("Eve", utterance(ADA, 0))


def test_a_candidate_may_have_a_comma_or_other_capitals(sid: SpeakerID) -> None:
    sid.enroll("Lovelace, Ada", utterance(ADA))
    silence = (np.zeros(16_000, np.float32), 16_000)
    assert sid.recording(silence, candidates=["LOVELACE, ADA"]).voices == ()
    with pytest.raises(SpeakerNotFound, match="'Lovelace'"):
        sid.recording(silence, candidates=["Lovelace"])
