"""Which commands make a store, which write to it, and which only need to read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from speakerid import samples
from speakerid.db.store_file import SqliteFile
from tests.cli.command import Command
from tests.sampled import ADA, BEN

FILE = str(samples.voices()[ADA].probes[0])
READING = [
    "speakers list", f"speakers show {ADA}", f"identify {FILE}", f"verify {ADA} {FILE}", f"recording {FILE}",
    f"listen --fast {FILE}", "galleries list", "galleries history", "audit", "unknowns list", "keys list",
    "index verify", "db revision",
]  # fmt: skip
CHANGING = [
    f"speakers change {ADA} --name Eve", f"speakers merge {ADA} {BEN}", f"speakers delete {ADA} --yes",
    "galleries create team", "galleries set default --target-fpir 0.02", "galleries undo",
    "galleries delete team --yes", "calibrate --reset", "keys create front-end --scope read", "index rebuild",
    "unknowns dismiss unk_1 --yes",
]  # fmt: skip
CREATING = [f"enroll {ADA} {FILE}", "db upgrade"]


@pytest.fixture
def read_only(enrolled: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """As on a mount, or with permissions, that do not let this process write."""
    monkeypatch.setattr(SqliteFile, "writable", False)
    return enrolled


@pytest.mark.parametrize("words", READING)
def test_what_only_reads_needs_no_right_to_write(read_only: Command, words: str) -> None:
    before = read_only.store.read_bytes()
    ran = read_only(*words.split())
    assert (ran.code, ran.err) == (0, "")
    assert read_only.store.read_bytes() == before
    assert os.listdir(read_only.store.parent) == [read_only.store.name]


def test_a_backup_is_made_of_what_may_only_be_read(read_only: Command, tmp_path: Path) -> None:
    assert read_only("backup", tmp_path / "copy.db").code == 0
    assert read_only("speakers", "list", "--json", "--store", tmp_path / "copy.db").out == read_only(
        "speakers", "list", "--json"
    ).out  # fmt: skip


def test_a_dry_run_only_reads(read_only: Command) -> None:
    assert read_only("calibrate", "--dry-run", "--json").problem["code"] == "too_few_trials"


@pytest.mark.parametrize("words", [*CHANGING, f"enroll {ADA} nothing.wav"])
def test_what_changes_is_refused_before_any_work_where_nothing_can_be_written(read_only: Command, words: str) -> None:
    ran = read_only(*words.split(), "--json")
    assert (ran.code, ran.problem["code"]) == (1, "store_read_only")


@pytest.mark.parametrize("words", [*READING, *CHANGING, "backup copy.db", "calibrate --dry-run"])
def test_a_store_that_is_not_there_is_an_error_and_is_not_made(speakerid: Command, words: str) -> None:
    ran = speakerid(*words.split(), "--json")
    assert (ran.code, ran.out, ran.problem["code"]) == (1, "", "store_missing")
    assert not speakerid.store.exists()


@pytest.mark.parametrize("words", CREATING)
def test_what_is_meant_to_makes_a_store(speakerid: Command, words: str) -> None:
    assert speakerid(*words.split()).code == 0
    assert speakerid.store.is_file()


def test_a_store_with_tables_alone_can_be_read(speakerid: Command) -> None:
    """As `db upgrade` and `keys create` leave it."""
    assert speakerid("db", "upgrade").code == 0
    assert speakerid("speakers", "list", "--json").json == {"items": [], "next_cursor": None}
