"""`speakerid db new-master-key`, `encrypt` and `rotate-master-key`, and what commands say without the right key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command

KEY = "SPEAKERID_MASTER_KEY_FILE"


@pytest.fixture
def key(speakerid: Command, tmp_path: Path) -> str:
    file = tmp_path / "elsewhere.key"
    assert f"Wrote {file}." in speakerid("db", "new-master-key", file).out
    return str(file)


def test_a_plain_store_is_encrypted_and_answers_as_before(enrolled: Command, key: str) -> None:
    before = enrolled("speakers", "list", "--json").out
    assert enrolled("speakers", "list", "--json", **{KEY: key}).problem["code"] == "store_not_encrypted"
    assert enrolled("db", "encrypt", "--json").problem["code"] == "master_key_missing"
    assert enrolled("db", "encrypt", "--json", **{KEY: key}).json == {"encrypted": True, "scrubbed": True}
    assert enrolled("db", "encrypt", **{KEY: key}).out == "The store was encrypted already.\n"
    assert enrolled("speakers", "list", "--json", **{KEY: key}).out == before
    assert enrolled("speakers", "list", "--json").problem["code"] == "master_key_missing"
    assert enrolled("index", "verify", **{KEY: key}).out == "Everything can be used.\n"


def test_no_snapshot_of_the_plain_store_is_left(enrolled: Command, key: str, tmp_path: Path) -> None:
    (folder,) = (path.with_name(f"{path.name}.snapshots") for path in tmp_path.rglob("*.db"))
    folder.mkdir()
    (folder / "gallery-1.snapshot").write_bytes(b"voices")
    assert enrolled("db", "encrypt", **{KEY: key}).code == 0
    assert list(folder.glob("*")) == []


def test_the_key_that_was_rotated_away_is_wrong(enrolled: Command, key: str, tmp_path: Path) -> None:
    new = str(tmp_path / "new.key")
    assert enrolled("db", "new-master-key", new, "--json").out == ""
    assert enrolled("db", "encrypt", **{KEY: key}).code == 0
    assert enrolled("db", "rotate-master-key", new, "--json", **{KEY: key}).json == {"galleries": 1}
    assert enrolled("speakers", "list", "--json", **{KEY: key}).problem["code"] == "master_key_wrong"
    assert enrolled("speakers", "list", **{KEY: new}).code == 0


def test_a_backup_of_an_encrypted_store_needs_no_key_and_opens_with_it(
    enrolled: Command, key: str, tmp_path: Path
) -> None:
    copy, restored = tmp_path / "copy.db", tmp_path / "restored.db"
    assert enrolled("db", "encrypt", **{KEY: key}).code == 0
    before = enrolled("speakers", "list", "--json", **{KEY: key}).out
    assert enrolled("backup", copy).code == 0
    assert enrolled("restore", copy, "--store", restored).code == 0
    assert enrolled("speakers", "list", "--json", "--store", restored).problem["code"] == "master_key_missing"
    assert enrolled("speakers", "list", "--json", "--store", restored, **{KEY: key}).out == before


@pytest.mark.parametrize(
    ("held", "code"), [(b"no key at all, but a text", "master_key_malformed"), (None, "master_key_unreadable")]
)
def test_a_file_without_a_key_is_named_and_what_it_holds_is_not(
    enrolled: Command, tmp_path: Path, held: bytes | None, code: str
) -> None:
    file = tmp_path / "wrong.key"
    if held is not None:
        file.write_bytes(held)
    problem = enrolled("speakers", "list", "--json", **{KEY: str(file)}).problem
    assert (problem["code"], str(file) in problem["error"]) == (code, True)
    assert "no key at all" not in str(problem)
