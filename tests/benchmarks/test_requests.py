"""The table of what an identify takes: every part is found in the package, and what is spent is some part's."""

from __future__ import annotations

import pytest

from benchmarks.requests import cost
from benchmarks.requests.tracing import PartClock


def _compute(loops: int) -> int:
    return sum(one * one for one in range(loops))


def test_an_inner_part_has_its_time_and_the_outer_one_the_rest() -> None:
    clock = PartClock()
    with clock.within("outer"):
        _compute(20_000)
        with clock.within("inner"):
            _compute(200_000)
    spent = clock.take()
    assert spent["inner"] > 2 * spent["outer"] > 0
    assert clock.take() == {}


@pytest.mark.slow
def test_a_table_is_printed_in_which_every_format_has_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    cost.main(["--requests", "3", "--speakers", "20", "--alone"])
    printed = capsys.readouterr().out
    assert all(row in printed for row in (*cost.ROWS, "own", "total"))
