"""Damaged rows are named and passed over, and whether a process can serve is a matter of store, encoder and index."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text

from speakerid.db.erasure import BRIEFLY
from speakerid.db.models import SpeakerRow
from speakerid.errors import StoreUnavailable
from speakerid.services import galleries, health
from speakerid.services.engine import Engine
from speakerid.services.health import readiness
from speakerid.types import FloatArray
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.services.enrolled import add_speaker, made_up

pytestmark = pytest.mark.parametrize("store_kind", ["sqlite"])
DEFAULT = "/v1/galleries/default"
NAN = np.full(32, np.nan, "<f4").tobytes()
SPEAKER_DAMAGE = {
    "zeros": ("speakers", "voiceprint", bytes(128)),
    "not a number": ("speakers", "voiceprint", NAN),
    "too short": ("speakers", "voiceprint", unit(1, 16).tobytes()),
    "no whole numbers": ("speakers", "voiceprint", b"12345"),
    "a text": ("speakers", "voiceprint", "Ada"),
    "broken metadata": ("speakers", "metadata", '{"note": '),
    "metadata of another kind": ("speakers", "metadata", "[1]"),
    "broken consent": ("speakers", "consent", "yes"),
}


def spoil(engine: Engine, table: str, column: str, value: object) -> None:
    """In the first row."""
    with engine.write() as db:
        db.execute(text(f"UPDATE {table} SET {column} = :value WHERE key = 1"), {"value": value})


@pytest.mark.parametrize("kind", SPEAKER_DAMAGE)
def test_a_damaged_speaker_is_named_and_the_others_are_served(
    engine: Engine, open_engine: EngineMaker, store_url: str, client: TestClient, kind: str
) -> None:
    ada, ben = (add_speaker(engine, name, made_up(unit(n))) for n, name in enumerate(("Ada", "Ben"), 1))
    spoil(engine, *SPEAKER_DAMAGE[kind])
    again = open_engine(store_url)
    client.app.state.engine = again  # type: ignore[attr-defined]  # a FastAPI
    again.indexes.load_all()
    key = galleries.get(again, "default").key
    assert again.indexes.search(key, unit(2), 5).keys == (2,)
    found = readiness(again)
    assert (found.ready, found.quarantined, found.quarantined_speakers) == (True, 1, (ada.id,))
    assert "Ada" not in client.get("/readyz").text
    assert [one["id"] for one in client.get(f"{DEFAULT}/speakers").json()["items"]] == [ada.id, ben.id]
    for path in ("", "/history", f"/speakers/{ada.id}", f"/speakers/{ada.id}/utterances"):
        assert client.get(DEFAULT + path).status_code == 200
    assert client.post(f"{DEFAULT}/audit").status_code in (200, 404, 405, 409)
    with again.read() as db:
        assert {(one.kind, one.id) for one in health.damage(db)} == {("speaker", ada.id)}
    assert client.delete(f"{DEFAULT}/speakers/{ada.id}").status_code == 204
    assert readiness(again).quarantined == 0


def test_a_damaged_voiceprint_is_made_again_from_the_utterances(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1)))
    spoil(engine, "speakers", "voiceprint", bytes(128))
    with engine.write() as db:
        assert health.rebuild_voiceprints(db) == (ada.id,)
    assert engine.indexes.search(galleries.get(engine, "default").key, unit(1), 5).keys == (1,)
    with engine.read() as db:
        assert health.damage(db) == ()


@pytest.mark.parametrize(
    ("value", "what"), [(unit(2), health.OTHERS), (None, health.MISSING), (unit(1, 16), health.VOICEPRINT)]
)
def test_a_voiceprint_that_is_not_the_utterances_is_found_and_made_again(
    engine: Engine, value: FloatArray | None, what: str
) -> None:
    ada, _ = (add_speaker(engine, name, made_up(unit(n))) for n, name in enumerate(("Ada", "Ben"), 1))
    spoil(engine, "speakers", "voiceprint", None if value is None else value.tobytes())
    with engine.read() as db:
        assert [(one.kind, one.id, one.what) for one in health.damage(db)] == [("speaker", ada.id, what)]
    with engine.write() as db:
        assert health.rebuild_voiceprints(db) == (ada.id,)
    assert engine.indexes.search(galleries.get(engine, "default").key, unit(1), 1).keys == (1,)
    with engine.read() as db:
        assert health.damage(db) == ()


def test_a_voiceprint_without_an_utterance_is_found_and_taken_away(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada")
    spoil(engine, "speakers", "voiceprint", unit(1).tobytes())
    with engine.read() as db:
        assert [(one.id, one.what) for one in health.damage(db)] == [(ada.id, health.SURPLUS)]
    with engine.write() as db:
        assert health.rebuild_voiceprints(db) == (ada.id,)
    with engine.read() as db:
        assert health.damage(db) == ()


def test_an_embedding_of_another_encoder_is_found(engine: Engine) -> None:
    add_speaker(engine, "Ada", made_up(unit(1)))
    spoil(engine, "utterances", "encoder_fingerprint", "0" * 64)
    with engine.read() as db:
        assert [(one.kind, one.what) for one in health.damage(db)] == [("utterance", health.OTHER_ENCODER)]


def test_a_speaker_whose_metadata_is_said_again_is_found_again(
    engine: Engine, open_engine: EngineMaker, store_url: str, client: TestClient
) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1)))
    spoil(engine, "speakers", "metadata", "{")
    again = open_engine(store_url)
    again.indexes.load_all()
    assert readiness(again).quarantined == 1
    assert client.patch(f"{DEFAULT}/speakers/{ada.id}", json={"metadata": {}}).status_code == 200
    assert readiness(again).quarantined == 0


@pytest.mark.parametrize("value", [bytes(128), NAN, b"1", unit(1, 16).tobytes()], ids=("zeros", "NaN", "1", "short"))
def test_a_damaged_utterance_takes_no_part(engine: Engine, client: TestClient, value: bytes) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1)), made_up(unit(2)), made_up(unit(3)))
    spoil(engine, "utterances", "embedding", value)
    with engine.read() as db:
        (found,) = health.damage(db)
    assert found.kind == "utterance"
    listed = client.get(f"{DEFAULT}/speakers/{ada.id}/utterances").json()["items"]
    assert found.id == listed[0]["id"]
    assert client.delete(f"{DEFAULT}/speakers/{ada.id}/utterances/{listed[1]['id']}").status_code == 200
    assert engine.indexes.search(galleries.get(engine, "default").key, unit(3), 5).keys == (1,)
    with engine.read() as db:
        assert [one.id for one in health.damage(db)] == [found.id]


@pytest.mark.parametrize("value", ["{", "[]", "{}", '{"calibration": 3}', '{"calibration": {"a": 1}, "speakers": 1}'])
def test_a_calibration_that_cannot_be_read_is_not_used(engine: Engine, client: TestClient, value: str) -> None:
    spoil(engine, "galleries", "calibration", value)
    found = client.get("/v1/galleries").json()["items"][0]["calibration"]
    assert found["source"] == "default"
    assert "cannot be read" in found["unused"]


def test_a_key_whose_galleries_cannot_be_read_opens_none(engine: Engine, client: TestClient) -> None:
    from speakerid.services import keys

    with engine.write() as db:
        secret = keys.create(db, "robot", ("admin",), ("team",)).secret
    spoil(engine, "keys", "galleries", "[")
    assert client.get("/v1/galleries", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    with engine.read() as db:
        assert keys.every(db)[0].galleries == ("(unreadable)",)


@pytest.mark.parametrize("column", ["options", "answer", "created_at"])
def test_a_damaged_recording_spoils_no_list(engine: Engine, client: TestClient, column: str) -> None:
    with engine.write() as db:
        for key in (1, 2):
            db.execute(
                text(
                    "INSERT INTO recordings (key, id, gallery_key, state, progress, options, answer, size, attempts, "
                    "cancelling, webhook_tries, created_at) VALUES (:key, 'rec_' || :key, 1, 'done', 1, '{}', NULL, 0, "
                    "1, 0, 0, '2026-01-31 00:00:00')"
                ),
                {"key": key},
            )
    spoil(engine, "recordings", column, '{"half')
    assert len(client.get(f"{DEFAULT}/recordings").json()["items"]) == 2
    assert client.get(f"{DEFAULT}/recordings/rec_2").status_code == 200
    assert client.get(f"{DEFAULT}/recordings/rec_1").status_code == (409 if column == "answer" else 200)
    assert client.delete(f"{DEFAULT}/recordings/rec_1").status_code == 204


pytestmark = pytest.mark.parametrize("store_kind", ["sqlite"])


def fill_up(engine: Engine) -> None:
    """No page more: what SQLite says then is what it says on a full disk."""
    pool = [engine.database.engine.connect() for _ in range(4)]
    for one in pool:
        one.exec_driver_sql("PRAGMA max_page_count=1")
        one.close()


def write_much(engine: Engine) -> None:
    with engine.write() as db:
        db.execute(
            text(
                "INSERT INTO keys (id, name, secret_sha256, scopes, galleries, created_at) VALUES "
                "('key_1', hex(zeroblob(500000)), 'x', '[]', '[]', '2026-01-31 00:00:00')"
            )
        )


def test_a_full_disk_is_reported_until_something_can_be_written_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert readiness(engine).ready
    fill_up(engine)
    with pytest.raises(StoreUnavailable, match="full"):
        write_much(engine)
    monkeypatch.setattr(type(engine.database), "write", _refusing)
    found = readiness(engine)
    assert (found.ready, found.database) == (False, "read_only")
    assert found.reason is not None
    assert "disk may be full" in found.reason
    monkeypatch.undo()
    assert readiness(engine).ready


def _refusing(_database: object) -> None:
    raise StoreUnavailable("database or disk is full")


def test_a_nearly_full_disk_alone_is_tried_out(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=65_536, f_frsize=512))
    assert readiness(engine).ready
    monkeypatch.setattr(type(engine.database), "write", _refusing)
    assert readiness(engine).database == "read_only"


def test_a_full_disk_is_reported_although_a_small_write_still_finds_a_place(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1, f_frsize=512))
    assert readiness(engine).database == "read_only"


def test_asking_writes_nothing_while_all_is_well(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(engine.database), "write", _refusing)
    assert readiness(engine).ready


def test_erasures_that_a_reader_delays_are_counted(engine: Engine) -> None:
    hurried = replace(engine, effort=BRIEFLY)
    with engine.read() as reader:
        reader.scalar(select(func.count(SpeakerRow.key)))
        with hurried.write(erase=True) as db:
            db.execute(text("UPDATE galleries SET version = version + 1"))
        assert readiness(engine).erasures_pending == 1
    assert engine.database.scrub()
    assert readiness(engine).erasures_pending == 0
