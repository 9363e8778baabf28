"""A loss of more than a tenth between two runs fails, in either direction that is worse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.compare import losses, main

OLD = {"requests": {"parts_ms": {"WAV": {"own": 4.0, "decode": 1.0}}, "answered_a_second": {"service": 100.0}}}


def _run(own: float, rate: float) -> dict[str, object]:
    return {"requests": {"parts_ms": {"WAV": {"own": own, "decode": 9.0}}, "answered_a_second": {"service": rate}}}


@pytest.mark.parametrize(("own", "rate", "lost"), [(4.3, 95.0, 0), (4.5, 95.0, 1), (3.0, 80.0, 1), (5.0, 80.0, 2)])
def test_a_figure_is_a_loss_where_it_is_worse_by_a_tenth(own: float, rate: float, lost: int) -> None:
    assert len(losses(OLD, _run(own, rate))) == lost


def test_a_loss_is_named_and_fails_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(OLD))
    new.write_text(json.dumps(_run(6.0, 100.0)))
    assert main([str(old), str(old)]) == 0
    assert main([str(old), str(new)]) == 1
    assert "requests / parts_ms / WAV / own: 4 -> 6 (+50%)" in capsys.readouterr().out
