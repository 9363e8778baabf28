from __future__ import annotations

import pytest

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


def test_delete(enrolled: Command) -> None:
    assert enrolled("speakers", "delete", ADA).out == f"Erased {ADA}.\n"
    ran = enrolled("speakers", "delete", BEN, "--json")
    assert (ran.code, ran.out) == (0, "")
    assert enrolled("speakers", "list", "--json").json["items"] == []
    assert enrolled("speakers", "delete", ADA).err.startswith("speaker_not_found: ")


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
    assert served("speakers", "delete", "Eva", "--gallery", "passing", *server).code == 0
    assert served("galleries", "delete", "passing", *server).code == 0


def _utterance() -> str:
    from speakerid import samples

    return str(samples.voices()[ADA].enroll[0])
