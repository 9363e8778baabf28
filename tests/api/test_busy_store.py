"""A store that another process holds: reading goes on, writing is told when to come back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from speakerid.db import engine as database
from speakerid.services.engine import Engine
from tests.api.asking import DEFAULT, SPEAKERS, refused
from tests.sampled import ADA, probe


@pytest.fixture
def held(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """By a writer of another process, for longer than anyone waits."""
    monkeypatch.setattr(database, "WRITE_TIMEOUT_MS", 50)
    engine.database.close()  # connections are made anew
    writer = sqlite3.connect(engine.database.file or "", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    yield
    writer.close()


@pytest.mark.usefixtures("held")
def test_reading_does_not_wait_for_a_writer(client: TestClient) -> None:
    assert client.get(SPEAKERS).status_code == 200
    assert client.post(f"{DEFAULT}/identify", content=probe(ADA)).status_code == 200
    assert client.post("/v1/embeddings", content=probe(ADA)).status_code == 200


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("path", [SPEAKERS, f"{DEFAULT}/recordings"])
def test_writing_is_refused_with_a_time_to_come_back(client: TestClient, path: str) -> None:
    sent = {"json": {"name": "Ada"}} if path == SPEAKERS else {"content": probe(ADA)}
    answer = client.post(path, **sent)
    assert "Try again in 5 s" in refused(answer, 503, "store_busy")["detail"]
    assert answer.headers["retry-after"] == "5"
