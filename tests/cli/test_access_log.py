from __future__ import annotations

from typing import Any

from tests.cli.command import Command
from tests.sampled import ADA


def events(command: Command, *options: str) -> list[dict[str, Any]]:
    """Without the making of the store's tables, which is events as well."""
    return [one for one in command("access-log", "--json", *options).lines if one["action"] != "store.upgrade"]


def test_commands_tell_what_they_change(empty: Command) -> None:
    empty("galleries", "create", "team")
    empty("keys", "create", "robot", "--scope", "read")
    empty("keys", "list")  # which changes nothing
    found = events(empty)
    assert [(one["key_id"], one["action"]) for one in found] == [
        ("local", "galleries.create"),
        ("local", "keys.create"),
    ]
    assert "robot" not in str(found)


def test_every_speaker_of_a_command_is_told_of(enrolled: Command) -> None:
    (ada,) = (one["id"] for one in enrolled("speakers", "list", "--json").json["items"] if one["name"] == ADA)
    enrolled("speakers", "change", ADA, "--name", "Ada L.")
    last = events(enrolled, "--speaker", ada)[-1]
    assert (last["action"], last["gallery"]) == ("speakers.change", "default")
    enrolled("speakers", "delete", "--yes", "Ada L.")
    assert [one["action"] for one in events(enrolled, "--speaker", ada)] == ["speakers.delete"]
    shown = enrolled("access-log").out
    assert "speakers.delete" in shown
    assert "Ada L." not in shown


def test_it_is_filtered_and_continued(empty: Command) -> None:
    for name in ("one", "two"):
        empty("galleries", "create", name)
    first, second = events(empty)
    assert events(empty, "--after", str(first["id"])) == [second]
    assert events(empty, "--since", "1h") == [first, second]
    assert events(empty, "--since", "2999-01-01") == []
    assert events(empty, "--gallery", "other") == []
    assert empty("access-log", "--since", "lately", "--json").problem["code"] == "invalid_request"


def test_without_days_commands_tell_nothing(empty: Command) -> None:
    empty("galleries", "create", "team", SPEAKERID_ACCESS_LOG_DAYS="0")
    assert events(empty) == []
