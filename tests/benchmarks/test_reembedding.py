"""What a gallery's move to another encoder takes: the command runs, on few utterances."""

from __future__ import annotations

import pytest

from benchmarks import reembedding
from speakerid import samples
from tests.sampled import ADA


@pytest.mark.slow
def test_a_quarter_and_all_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    tree = samples.voices()[ADA].enroll[0].parents[1]
    reembedding.main(["--tree", str(tree), "--from", "fake", "--to", "bundled", "--utterances", "4"])
    printed = capsys.readouterr().out
    assert [line.split(" utterances: ")[0] for line in printed.splitlines()] == ["1", "4"]
