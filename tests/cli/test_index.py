from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.cli.command import Command


def test_a_damaged_voiceprint_is_found_and_made_again(enrolled: Command) -> None:
    assert enrolled("index", "verify").out == "Everything can be used.\n"
    with closing(sqlite3.connect(enrolled.store)) as connection, connection:
        connection.execute("UPDATE speakers SET voiceprint = zeroblob(8) WHERE key = 1")
    found = enrolled("index", "verify", "--json")
    assert (found.code, [one["kind"] for one in found.json["items"]]) == (1, ["speaker"])
    assert enrolled("index", "rebuild", "--json").json == {"speakers": [found.json["items"][0]["id"]]}
    assert enrolled("index", "verify").code == 0
