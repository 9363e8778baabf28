"""One bad row: its speaker is left out and named, everybody else is served."""

from __future__ import annotations

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from speakerid.services import damage, galleries
from speakerid.services.engine import Engine
from speakerid.services.readiness import readiness
from tests.db.rows import unit
from tests.engines import EngineMaker
from tests.services.heard import add_speaker, made_up

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
    client.app.state.engine = again  # type: ignore[attr-defined]
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
        assert {(one.kind, one.id) for one in damage.find(db)} == {("speaker", ada.id)}
    assert client.delete(f"{DEFAULT}/speakers/{ada.id}").status_code == 204
    assert readiness(again).quarantined == 0


def test_a_damaged_voiceprint_is_made_again_from_the_utterances(engine: Engine) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1)))
    spoil(engine, "speakers", "voiceprint", bytes(128))
    with engine.write() as db:
        assert damage.rebuild(db) == (ada.id,)
    assert engine.indexes.search(galleries.get(engine, "default").key, unit(1), 5).keys == (1,)
    with engine.read() as db:
        assert damage.find(db) == ()


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
        (found,) = damage.find(db)
    assert found.kind == "utterance"
    listed = client.get(f"{DEFAULT}/speakers/{ada.id}/utterances").json()["items"]
    assert found.id == listed[0]["id"]
    assert client.delete(f"{DEFAULT}/speakers/{ada.id}/utterances/{listed[1]['id']}").status_code == 200
    assert engine.indexes.search(galleries.get(engine, "default").key, unit(3), 5).keys == (1,)
    with engine.read() as db:
        assert [one.id for one in damage.find(db)] == [found.id]


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
