from __future__ import annotations

from pathlib import Path

from tests.cli.command import Command


def test_a_store_is_backed_up_and_restored(enrolled: Command, tmp_path: Path) -> None:
    out, new = tmp_path / "copy.db", tmp_path / "new.db"
    assert enrolled("backup", out).out == f"Wrote {out}.\n"
    assert enrolled("backup", out, "--json").problem["code"] == "store_exists"
    assert enrolled("restore", out, "--store", new).out == f"Restored {new}.\n"
    assert enrolled("speakers", "list", "--json", "--store", new).out == enrolled("speakers", "list", "--json").out


def test_for_postgresql_the_command_to_run_is_named(speakerid: Command) -> None:
    url = "postgresql://me:secret@host/voices"
    for verb, tool in (("backup", "pg_dump --format=custom --file=x.dump"), ("restore", "pg_restore")):
        ran = speakerid(verb, "x.dump", "--store", url)
        assert ran.code == 1
        assert tool in ran.err
        assert "secret" not in ran.err
