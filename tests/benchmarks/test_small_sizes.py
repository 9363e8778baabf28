"""What a machine has not all for is left out of `make bench`, never in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.speed import small_sizes


def test_each_figure_that_is_left_out_is_named_with_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(small_sizes, "CORES", 10_000)
    monkeypatch.setattr(small_sizes, "POSTGRESQL", "no_such_package")
    (tmp_path / "noise").mkdir()
    assert small_sizes.where_possible(tmp_path) == {}
    assert capsys.readouterr().err.splitlines() == [
        "two_cores is left out: it needs 10000 cores",
        "replicas is left out: it needs PostgreSQL, pip install '.[dev]'",
        f"recordings is left out: {tmp_path} has no librispeech: --speech DIR",
    ]
