"""A loss of more than a tenth between two runs fails, in either direction that is worse; what is promised has room."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare import in_one_alone, losses, main

OLD = {"requests": {"parts_ms": {"WAV": {"own": 4.0, "decode": 1.0}}, "answered_a_second": {"service": 100.0}}}


def _run(own: float, rate: float) -> dict[str, object]:
    return {"requests": {"parts_ms": {"WAV": {"own": own, "decode": 9.0}}, "answered_a_second": {"service": rate}}}


@pytest.mark.parametrize(("own", "rate", "lost"), [(4.3, 95.0, 0), (4.5, 95.0, 1), (3.0, 80.0, 1), (5.0, 80.0, 2)])
def test_a_figure_is_a_loss_where_it_is_worse_by_a_tenth(own: float, rate: float, lost: int) -> None:
    assert len(losses(OLD, _run(own, rate))) == lost


@pytest.mark.parametrize(
    ("place", "old", "kept", "lost"),
    [
        (("requests", "commands", "identify", "cpu_s"), 1.5, 1.6, 1.7),
        (("many_speakers", "second_start", "cpu_s"), 0.06, 0.08, 0.2),  # steps of a clock are no loss
        (("two_cores", "undisturbed_times_one_core"), 1.9, 1.8, 1.7),
        (("two_cores", "workers_2", "undisturbed_of_the_peak"), 0.95, 0.9, 0.8),
        (("two_cores", "workers_2", "refused_p99_ms"), 5.0, 40.0, 60.0),
        (("many_speakers", "beside_enrolling", "p99_beside_alone"), 1.1, 1.4, 1.6),
        (("import", "imported", "mib"), 30.0, 32.0, 40.0),
        (("replicas", "both change", "lag_p99_ms"), 200.0, 900.0, 1_100.0),
        (("replicas", "both change", "missed"), 0, 0, 1),
        (("recordings", "command", "times_real_time"), 60.0, 55.0, 50.0),
        (("recordings", "identify_beside", "p50_beside_alone"), 1.1, 1.2, 1.3),
    ],
)
def test_each_figure_is_worse_in_its_own_direction(
    place: tuple[str, ...], old: float, kept: float, lost: float
) -> None:
    assert losses(_at(place, old), _at(place, kept)) == []
    assert len(losses(_at(place, old), _at(place, lost))) == 1


def _at(place: tuple[str, ...], value: float) -> Any:
    found: Any = value
    for name in reversed(place):
        found = {name: found}
    return found


def test_a_replica_that_differs_from_the_store_in_the_end_is_a_loss() -> None:
    old, new = ({"in the end": [{"differing": 0}, {"differing": count}]} for count in (0, 2))
    assert losses(old, new) == ["in the end / 1 / differing: 0 -> 2"]


def test_a_loss_is_named_and_fails_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(OLD))
    new.write_text(json.dumps(_run(6.0, 100.0)))
    assert main([str(old), str(old)]) == 0
    assert main([str(old), str(new)]) == 1
    assert "requests / parts_ms / WAV / own: 4 -> 6 (+50%)" in capsys.readouterr().out


def test_what_one_run_left_out_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = OLD | {"replicas": {"both change": {"missed": 0}}}
    assert in_one_alone(OLD, more) == ["replicas / both change / missed: only in NEW"]
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(more))
    new.write_text(json.dumps(OLD))
    assert main([str(old), str(new)]) == 0
    assert capsys.readouterr().err == "not compared: replicas / both change / missed: only in OLD\n"
