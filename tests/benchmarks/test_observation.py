from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.observation import measure, report, served


def test_the_first_is_what_the_others_are_compared_with() -> None:
    lines = report({"nothing looks on": [2.0, 4.0, 90.0], "figures alone": [5.0]}).splitlines()
    assert [line.split()[-3:] for line in lines] == [["4.00", "ms", "1.000"], ["5.00", "ms", "1.250"]]


@pytest.mark.slow
def test_a_service_answers_and_warm_up_is_not_counted(tmp_path: Path) -> None:
    with served(tmp_path, "figures and access log") as client:
        (times,) = measure({"one": client}, turns=2).values()
    assert len(times) == 2
    assert min(times) > 0.0
