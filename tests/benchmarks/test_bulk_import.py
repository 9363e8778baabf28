"""Very many speakers brought in from one file: a made-up file is as an export writes it, and its index follows."""

from __future__ import annotations

from pathlib import Path

from benchmarks import bulk_import


def test_a_made_up_file_comes_in(tmp_path: Path) -> None:
    bulk_import.made_up(tmp_path, 30)
    assert bulk_import.imported(tmp_path, 30)["speakers"] == 30
    bulk_import.indexed(tmp_path, 30)
