"""What a gallery's export and import take: the command runs, on few utterances."""

from __future__ import annotations

import pytest

from benchmarks import moving


@pytest.mark.slow
def test_a_small_gallery_moves_and_each_step_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    moving.main(["--utterances", "30"])
    printed = capsys.readouterr().out
    assert all(step in printed for step in moving.STEPS)
