from __future__ import annotations

import pytest

from benchmarks.recordings.overlap_errors import OverlapErrors, overlap_errors
from benchmarks.recordings.reference import ReferenceTurn


def test_time_in_which_two_speak_is_compared() -> None:
    truth = [ReferenceTurn(0.0, 4.0, "Ada"), ReferenceTurn(3.0, 6.0, "Ben"), ReferenceTurn(5.5, 7.0, "Eve")]
    answer = [
        ReferenceTurn(0.0, 3.5, "1"),
        ReferenceTurn(2.5, 7.0, "2"),
        ReferenceTurn(2.5, 3.0, "2"),
    ]  # a voice does not overlap with itself
    found = overlap_errors(truth, answer, 8.0)
    assert (found.true, found.found, found.both) == pytest.approx((1.5, 1.0, 0.5))
    assert (found + found).recall == pytest.approx(1 / 3)
    assert found.precision == pytest.approx(0.5)


def test_nobody_overlaps() -> None:
    found = overlap_errors([ReferenceTurn(0.0, 1.0, "Ada")], [], 2.0)
    assert found == OverlapErrors(0.0, 0.0, 0.0)
    assert (found.precision, found.recall) == (0.0, 0.0)
