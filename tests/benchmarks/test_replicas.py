"""Two replicas on one PostgreSQL: the command runs, on few changes, and none is missed."""

from __future__ import annotations

import json

import pytest

from benchmarks.replicas import __main__ as command
from tests.postgres import Postgres


@pytest.mark.slow
def test_what_one_replica_changes_the_other_answers_with(monkeypatch: pytest.MonkeyPatch, postgres: Postgres) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(command, "QUIET", 5)
    monkeypatch.setattr(command, "HELD", 20)
    with postgres.database(migrated=True) as store:
        rows = {name: found for row in command.measure(store, 104, 4) for name, found in row.items()}
    made = {"both change": 100, "over HTTP": 4, "nobody searches": 5, "a transaction stays open": 20}
    assert {name: (rows[name]["changes"], rows[name]["missed"], rows[name]["errors"]) for name in made} == {
        name: (count, 0, []) for name, count in made.items()
    }
    assert rows["clients"]["5xx"] == 0
    assert rows["clients"]["answers"] > 0
    assert [one["differing"] for one in rows["in the end"]] == [0, 0]
    assert json.dumps(rows)
