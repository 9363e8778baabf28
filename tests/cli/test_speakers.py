from __future__ import annotations

import pytest

from speakerid import samples
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN


def test_list(enrolled: Command) -> None:
    ran = enrolled("speakers", "list", "--json")
    assert [one["name"] for one in ran.json["items"]] == [ADA, BEN]
    assert ran.json["next_cursor"] is None
    assert all(name in enrolled("speakers", "list").out for name in (ADA, BEN))


def test_show_by_name_and_id(enrolled: Command) -> None:
    by_name = enrolled("speakers", "show", ADA, "--json").json
    assert enrolled("speakers", "show", by_name["id"], "--json").json == by_name
    assert by_name["id"] in enrolled("speakers", "show", ADA).out


def test_change(enrolled: Command) -> None:
    changed = enrolled("speakers", "change", ADA, "--name", "Ada", "--external-id", "hr-1", "--json").json
    assert (changed["name"], changed["external_id"]) == ("Ada", "hr-1")
    assert "hr-2" in enrolled("speakers", "change", "Ada", "--external-id", "hr-2").out
    assert enrolled("speakers", "change", "Ada").code == 2


def test_tags_are_added_taken_away_and_listed(enrolled: Command) -> None:
    tagged = enrolled("speakers", "change", ADA, "--tag", "Staff", "--tag", "berlin", "--json").json
    assert tagged["tags"] == ["berlin", "staff"]
    assert "berlin, staff" in enrolled("speakers", "show", ADA).out
    changed = enrolled("speakers", "change", ADA, "--tag", "night shift", "--untag", "BERLIN", "--json").json
    assert changed["tags"] == ["night shift", "staff"]
    assert [one["name"] for one in enrolled("speakers", "list", "--tag", "STAFF", "--json").json["items"]] == [ADA]
    assert enrolled("speakers", "list", "--tag", "berlin", "--json").json["items"] == []
    wrong = enrolled("speakers", "change", ADA, "--tag", "a,b")
    assert (wrong.code, "comma" in wrong.err) == (2, True)


def test_tags_restrict_who_is_named(enrolled: Command) -> None:
    file = samples.voices()[BEN].probes[0]
    assert enrolled("enroll", BEN, samples.voices()[BEN].enroll[0], "--tag", "Staff").code == 0
    found = [enrolled("identify", file, "--tag", tag, "--json").json for tag in ("staff", "guests")]
    assert [len(one["candidates"]) for one in found] == [1, 0]
    assert found[1]["decision"] == "no_speakers"


def test_tags_on_a_server(enrolled: Command, served: Served) -> None:
    where = ("--url", served.url, "--json")
    take = samples.voices()[BEN].enroll[0]
    assert served("enroll", BEN, take, "--tag", "Staff", *where).json["speaker"]["tags"] == ["staff"]
    assert [one["name"] for one in served("speakers", "list", "--tag", "staff", *where).json["items"]] == [BEN]
    named = served("identify", samples.voices()[BEN].probes[0], "--tag", "staff", *where).json["candidates"]
    assert [one["speaker"]["name"] for one in named] == [BEN]
    assert served("speakers", "change", BEN, "--untag", "staff", *where).json["tags"] == []
    new = served("enroll", "Eve", samples.voices()["festival-lj"].enroll[0], "--tag", "a", "--tag", "B", *where).json
    assert new["speaker"]["tags"] == ["a", "b"]
    assert served("speakers", "delete", "--yes", "Eve", *where).code == 0


def test_delete(enrolled: Command) -> None:
    assert enrolled("speakers", "delete", "--yes", ADA).out == f"Erased {ADA}.\n"
    ran = enrolled("speakers", "delete", "--yes", BEN, "--json")
    assert (ran.code, ran.out) == (0, "")
    assert enrolled("speakers", "list", "--json").json["items"] == []
    assert enrolled("speakers", "delete", "--yes", ADA).err.startswith("speaker_not_found: ")


def test_merge_and_undo(enrolled: Command) -> None:
    before = enrolled("speakers", "list", "--json").json
    assert enrolled("speakers", "merge", ADA, BEN).out == f"{ADA} was merged into {BEN}, with 3 utterances.\n"
    assert [one["name"] for one in enrolled("speakers", "list", "--json").json["items"]] == [BEN]
    (change,) = enrolled("galleries", "history", "--json").json["items"]
    assert all(word in enrolled("galleries", "history").out for word in (change["id"], "merge", ADA, BEN, "done"))
    undone = enrolled("galleries", "undo", change["id"], "--json").json
    assert undone["change"]["state"] == "undone"
    after = enrolled("speakers", "list", "--json").json
    assert [one | {"etag": ""} for one in after["items"]] == [one | {"etag": ""} for one in before["items"]]
    assert enrolled("galleries", "undo").err.startswith("change_not_found: ")


def test_an_erased_change_is_shown_without_names(enrolled: Command) -> None:
    enrolled("speakers", "merge", ADA, BEN)
    enrolled("speakers", "delete", "--yes", BEN)
    shown = enrolled("galleries", "history").out
    assert ("erased" in shown, ADA in shown, BEN in shown) == (True, False, False)
    assert enrolled("galleries", "undo").err.startswith("undo_impossible: ")


def test_move_and_delete_an_utterance(enrolled: Command) -> None:
    wrong = samples.voices()[ADA].probes[0]
    made = enrolled("enroll", BEN, wrong, "--accept", "does_not_match_speaker", "--json").json
    moved = enrolled("speakers", "move-utterance", BEN, made["utterance"]["id"], ADA, "--json").json
    assert [(one["name"], one["utterances"]) for one in moved["speakers"]] == [(BEN, 3), (ADA, 4)]
    left = enrolled("speakers", "delete-utterance", "--yes", ADA, made["utterance"]["id"], "--json").json
    assert (left["name"], left["utterances"]) == (ADA, 3)
    assert enrolled("speakers", "delete-utterance", "--yes", ADA, "utt_none").err.startswith("utterance_not_found: ")


@pytest.mark.parametrize(
    "arguments", [("list",), ("show", ADA), ("show", "Nobody"), ("list", "--gallery", "no")], ids=str
)
def test_a_server_answers_the_same(served: Served, arguments: tuple[str, ...]) -> None:
    local, remote = (served("speakers", *arguments, "--json", *more) for more in ((), ("--url", served.url)))
    assert remote == local


def test_a_server_changes_and_erases(served: Served) -> None:
    server = ("--url", served.url)
    served("galleries", "create", "passing", *server)
    made = served("enroll", "Eve", _utterance(), "--gallery", "passing", "--json", *server).json
    assert served("speakers", "change", "Eve", "--name", "Eva", "--gallery", "passing", *server).code == 0
    assert served("speakers", "show", made["speaker"]["id"], "--gallery", "passing", "--json").json["name"] == "Eva"
    here = ("--gallery", "passing", "--json", *server)
    other = served("enroll", "Eve", _utterance(1), "--accept", "voice_already_enrolled", *here).json
    first = other["utterance"]["id"]
    assert served("speakers", "move-utterance", "Eve", first, "Eva", *here).json["change"]["kind"] == "move"
    assert served("speakers", "merge", "Eve", "Eva", *here).json["speakers"][0]["utterances"] == 2
    assert [one["kind"] for one in served("galleries", "history", *here).json["items"]] == ["merge", "move"]
    assert served("galleries", "undo", *here).json["change"]["kind"] == "merge"
    assert served("speakers", "delete-utterance", "--yes", "Eva", first, *here).json["utterances"] == 1
    assert served("speakers", "delete", "--yes", "Eva", "--gallery", "passing", *server).code == 0
    assert served("galleries", "delete", "--yes", "passing", *server).code == 0


def _utterance(number: int = 0) -> str:
    return str(samples.voices()[ADA].enroll[number])


def test_consent_is_noted_ends_and_is_listed(enrolled: Command) -> None:
    changed = enrolled(
        "speakers", "change", ADA, "--consent", "minutes", "--consent-until", "2021-01-31", "--json"
    ).json
    assert changed["consent"]["purpose"] == "minutes"
    assert changed["consent_expired"]
    listed = enrolled("speakers", "list", "--consent-expired", "--json").json["items"]
    assert [one["name"] for one in listed] == [ADA]
    prolonged = enrolled("speakers", "change", ADA, "--consent-until", "365d", "--json").json
    assert prolonged["consent"]["purpose"] == "minutes"
    assert enrolled("speakers", "list", "--consent-expired", "--json").json["items"] == []


def test_who_opted_out_is_listed_as_such_and_not_enrolled_again(enrolled: Command) -> None:
    assert enrolled("speakers", "opt-out", "--yes", ADA, "--json").json["status"] == "opted_out"
    assert "opted_out" in enrolled("speakers", "list").out
    again = enrolled("enroll", ADA, samples.voices()[ADA].enroll[0], "--json")
    assert again.problem["code"] == "speaker_opted_out"


def test_a_split_and_its_undoing(enrolled: Command) -> None:
    enroll = enrolled("enroll", ADA, samples.voices()[ADA].probes[0], "--json").json
    given = enroll["utterance"]["id"]
    assert enrolled("speakers", "split", ADA, "Eve", given).out == f"Eve was split off {ADA}, with 1 utterance.\n"
    assert "split" in enrolled("galleries", "history").out
    assert enrolled("speakers", "split", "Eve", "Ida", given, "--json").problem["code"] == "invalid_request"
    assert enrolled("galleries", "undo").out == f"The split was undone: {ADA} has 1 utterance back.\n"
    assert "Eve" not in enrolled("speakers", "list").out
