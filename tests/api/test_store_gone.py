"""A served store whose file is locked by another program, or is taken away: nothing is acknowledged that is lost."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from speakerid.db import engine as opening
from speakerid.db.pgvector import GONE
from speakerid.db.store_file import SqliteFile
from speakerid.errors import PgvectorUnavailable
from speakerid.services.engine import Engine
from speakerid.services.index_sync import IndexSync
from tests.api.asking import DEFAULT, SPEAKERS, enrolled, identify, new_speaker, refused
from tests.sampled import ADA, probe, utterance


@pytest.fixture
def store(engine: Engine) -> Path:
    assert engine.database.file is not None
    return engine.database.file


def test_a_locked_store_is_read_and_what_writes_may_come_again(
    client: TestClient, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = enrolled(client, ADA)
    monkeypatch.setattr(opening, "WRITE_TIMEOUT_MS", 50)
    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert identify(client, probe(ADA))["decision"] == "accept"
        answer = client.post(f"{SPEAKERS}/{ada}/utterances", content=utterance(ADA, 1))
        assert refused(answer, 503, "store_busy")["detail"].startswith("Another process has locked the store")
        assert answer.headers["retry-after"] == "5"
        assert client.get("/readyz").status_code == 200
    assert client.post(f"{SPEAKERS}/{ada}/utterances", content=utterance(ADA, 1)).status_code == 201


def test_nothing_is_enrolled_into_a_file_that_was_removed(client: TestClient, store: Path, tmp_path: Path) -> None:
    ada = new_speaker(client, "Ada")
    store.rename(tmp_path / "aside.db")
    answer = client.post(f"{SPEAKERS}/{ada}/utterances", content=utterance(ADA))
    assert "removed or replaced" in refused(answer, 503, "store_replaced")["detail"]
    assert "retry-after" not in answer.headers
    refused(client.post(f"{DEFAULT}/identify", content=probe(ADA)), 503, "store_replaced")
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (503, "unavailable")
    assert "removed or replaced" in ready.json()["reason"]
    (tmp_path / "aside.db").rename(store)
    assert client.post(f"{SPEAKERS}/{ada}/utterances", content=utterance(ADA)).status_code == 201
    assert client.get("/readyz").status_code == 200


def test_nothing_is_enrolled_once_another_file_has_its_name(
    client: TestClient, store: Path, tmp_path: Path, sqlite_template: Path
) -> None:
    ada = new_speaker(client, "Ada")
    Path(shutil.copy(sqlite_template, tmp_path / "another.db")).replace(store)
    refused(client.post(f"{SPEAKERS}/{ada}/utterances", content=utterance(ADA)), 503, "store_replaced")
    refused(client.delete(f"{SPEAKERS}/{ada}"), 503, "store_replaced")
    assert client.get("/readyz").status_code == 503


def test_a_server_whose_postgresql_searches_no_longer_says_to_start_it_anew(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(client, ADA)

    def gone(*_: object) -> None:
        raise PgvectorUnavailable(GONE)

    monkeypatch.setattr(IndexSync, "search", gone)
    answer = client.post(f"{DEFAULT}/identify", content=probe(ADA))
    assert refused(answer, 503, "pgvector_unavailable")["detail"] == GONE
    assert "retry-after" not in answer.headers


def test_a_store_that_became_read_only_is_not_ready(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    enrolled(client, ADA)
    monkeypatch.setattr(SqliteFile, "writable", False)
    answer = client.post(SPEAKERS, json={"name": "Ben"})
    assert "can only be read now" in refused(answer, 503, "store_read_only")["detail"]
    assert "retry-after" not in answer.headers
    assert identify(client, probe(ADA))["decision"] == "accept"
    assert client.get("/readyz").json()["database"] == "read_only"
