"""A figure that is missed must look missed, and end the run with a failure."""

from __future__ import annotations

import pytest

from benchmarks.attack import __main__ as runner
from benchmarks.attack.figures import Figure, at_least, at_most, reported, say


@pytest.mark.parametrize(
    ("figure", "met", "line"),
    [
        (at_most("writes lost", 0), True, "ok      writes lost: 0 (wanted: at most 0)"),
        (at_most("writes lost", 1, note="w1"), False, "MISSED  writes lost: 1 (wanted: at most 0); w1"),
        (at_least("files", 4_999, 5_000), False, "MISSED  files: 4999 (wanted: at least 5000)"),
        (at_least("files", 5_000, 5_000), True, "ok      files: 5000 (wanted: at least 5000)"),
        (reported("a start", 0.3333, "s"), True, "        a start: 0.333 s"),
    ],
    ids=str,
)
def test_a_figure_stands_beside_what_is_wanted(figure: Figure, met: bool, line: str) -> None:
    assert (figure.met, figure.line()) == (met, line)


def test_every_figure_is_printed_also_after_a_missed_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert not say([at_most("one", 1), reported("two", 2)])
    assert capsys.readouterr().out == "MISSED  one: 1 (wanted: at most 0)\n        two: 2\n"


def test_the_parts_are_found_by_what_they_measure() -> None:
    assert {"kills", "mutations", "bombs", "tenants", "references", "long_work"} <= set(runner.parts())


def test_an_unknown_part_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["nothing"]) == 2
    assert "Parts are" in capsys.readouterr().err
