"""The service over an encrypted store: every verb works, and nothing of it can be read in the store's files."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from speakerid.db.cipher import KEY_BYTES, MasterKey
from speakerid.db.models import Base, HearingRow, SpeakerRow, UnknownVoiceRow, UtteranceRow
from speakerid.services.engine import Engine
from tests.conftest import STORES
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, probe, utterance
from tests.services.recorded import MEETING, work

NAMES = ("Adelheid Lovelace", "Benjamin Babbage", "Evelyn Optout", "Board of Directors")
KEPT = "/v1/galleries/kept"
Json = dict[str, Any]


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Both kinds: what is sealed is put together by their own SQL."""
    kind: str = request.param
    return kind


@pytest.fixture
def engine(open_engine: EngineMaker, store_url: str) -> Engine:
    return open_engine(store_url, master=MasterKey(os.urandom(KEY_BYTES)))


@pytest.fixture
def used(client: TestClient, engine: Engine) -> TestClient:
    """Ada and Ben are enrolled, Evelyn opted out, and a meeting has an unknown voice."""
    sent(client.post("/v1/galleries", json={"name": "kept", "keep_audio": True, "keep_unknown_voices": True}))
    ada = person(client, NAMES[0], external_id="hr-adelheid", metadata={"team": "analytical engines"})
    for nth in range(2):
        sent(client.post(f"{KEPT}/speakers/{ada}/utterances", content=utterance(ADA, nth)))
    eve = person(client, NAMES[2])
    sent(client.post(f"{KEPT}/speakers/{eve}/opt-out"))
    asked = {"Idempotency-Key": "k1"}
    made = sent(client.post(f"{KEPT}/recordings", content=MEETING, params={"name": NAMES[3]}, headers=asked))
    work(engine)
    found = sent(client.get(f"{KEPT}/recordings/{made['id']}"))
    assert {turn["speaker"]["name"] for turn in found["result"]["turns"] if turn["speaker"]} == {NAMES[0]}
    (unknown,) = sent(client.get(f"{KEPT}/unknowns"))["items"]
    ben = person(client, "Ben")
    sent(client.patch(f"{KEPT}/speakers/{ben}", json={"name": NAMES[1], "consent": {"purpose": "wage talks"}}))
    sent(client.post(f"{KEPT}/speakers/{ben}/utterances", content=utterance(BEN)))
    assert unknown["recordings"] == 1
    return client


def person(client: TestClient, name: str, **given: object) -> str:
    asked = {"Idempotency-Key": f"for {len(name)}"}
    return str(sent(client.post(f"{KEPT}/speakers", json={"name": name, **given}, headers=asked))["id"])


def sent(answer: Any) -> Json:
    assert answer.status_code < 300, answer.text
    found: Json = answer.json() if answer.content else {}
    return found


def secrets(engine: Engine) -> Iterator[bytes]:
    """What must not be found in the store, as it would be there."""
    for word in (*NAMES, "hr-adelheid", "analytical engines", "wage talks"):
        yield from (word.encode(), base64.b64encode(word.encode()).rstrip(b"=")[:-1], word.casefold().encode())
    for audio in (utterance(ADA, 0), utterance(ADA, 1), utterance(BEN), MEETING):
        yield from (audio[:64], audio[1000:1064], audio[-64:])
    columns = (SpeakerRow.voiceprint, UtteranceRow.embedding, UnknownVoiceRow.voiceprint, HearingRow.embedding)
    with engine.read() as db:
        vectors = [one for column in columns for one in db.scalars(select(column)) if one is not None]
        hashes = [one.encode() for one in db.scalars(select(UtteranceRow.sha256))]
    assert (len(vectors), len(hashes)) == (7, 3)
    yield from hashes
    for one in vectors:
        assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-3)
        yield from (
            one.astype("<f4").tobytes()[:16],
            one.astype("<f4").tobytes()[-16:],
            one.astype("<f2").tobytes()[:16],
        )


def everything(engine: Engine) -> bytes:
    """The files of a SQLite store; every value of every row as PostgreSQL has it."""
    if engine.database.file is not None:
        folder = engine.database.file.parent
        return b"\n".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())
    found = list[bytes]()
    with engine.read() as db:
        for table in Base.metadata.tables:
            for row in db.execute(text(f"SELECT * FROM {table}")):
                found += [bytes(one) if isinstance(one, bytes | memoryview) else str(one).encode() for one in row]
    return b"\n".join(found)


def test_nothing_of_anybody_is_in_the_store_s_files(used: TestClient, engine: Engine) -> None:
    held = everything(engine)
    assert b"spk_" in held  # it is the store
    assert [one for one in secrets(engine) if one in held] == []


def test_every_verb_answers_as_over_a_plain_store(used: TestClient, engine: Engine, tmp_path: Path) -> None:
    found = sent(used.post(f"{KEPT}/identify", content=probe(ADA)))
    assert (found["decision"], found["speaker"]["name"]) == ("accept", NAMES[0])
    ada = found["speaker"]["id"]
    assert sent(used.post(f"{KEPT}/speakers/{ada}/verify", content=probe(ADA)))["decision"] == "accept"
    for asked in ({"name": NAMES[0].upper()}, {"external_id": "hr-adelheid"}):
        (only,) = sent(used.get(f"{KEPT}/speakers", params=asked))["items"]
        assert (only["id"], only["metadata"]) == (ada, {"team": "analytical engines"})
    again = used.post(f"{KEPT}/speakers", json={"name": "Else", "external_id": "hr-adelheid"})
    assert (again.status_code, again.json()["code"]) == (409, "external_id_taken")
    twice = used.post(f"{KEPT}/speakers/{ada}/utterances", content=utterance(ADA, 0))
    assert twice.status_code == 200  # the same bytes
    gone = used.post(f"{KEPT}/speakers", json={"name": NAMES[2]})
    assert (gone.status_code, gone.json()["code"]) == (409, "speaker_opted_out")


def test_a_merge_is_undone_and_a_gallery_moves(used: TestClient, engine: Engine) -> None:
    ada, ben = (sent(used.get(f"{KEPT}/speakers", params={"name": name}))["items"][0]["id"] for name in NAMES[:2])
    change = sent(used.post(f"{KEPT}/speakers/{ben}/merge", json={"into": ada}))
    assert sent(used.get(f"{KEPT}/speakers", params={"name": NAMES[1]}))["items"] == []
    sent(used.post(f"{KEPT}/history/{change['change']['id']}/undo"))
    (back,) = sent(used.get(f"{KEPT}/speakers", params={"name": NAMES[1]}))["items"]
    assert (back["id"], back["consent"]) == (ben, {"purpose": "wage talks"})
    file = used.get(f"{KEPT}/export", params={"audio": "true"})
    made = sent(used.post("/v1/galleries/import", params={"name": "moved"}, content=file.content))
    assert (made["gallery"]["speakers"], made["utterances"], made["audio"]) == (3, 3, 3)
    found = sent(used.post("/v1/galleries/moved/identify", content=probe(ADA)))
    assert found["speaker"]["name"] == NAMES[0]


def test_an_erased_speaker_is_in_no_answer_of_a_recording(used: TestClient, engine: Engine) -> None:
    (ada,) = sent(used.get(f"{KEPT}/speakers", params={"name": NAMES[0]}))["items"]
    assert used.delete(f"{KEPT}/speakers/{ada['id']}").status_code == 204
    (recording,) = sent(used.get(f"{KEPT}/recordings"))["items"]
    result = sent(used.get(f"{KEPT}/recordings/{recording['id']}"))["result"]
    assert {turn["speaker"] for turn in result["turns"]} == {None}
    assert used.delete(f"{KEPT}/recordings/{recording['id']}").status_code == 204
    with engine.read() as db:
        kept = db.execute(text("SELECT count(*) FROM repeats WHERE speaker_key IS NULL")).scalar_one()
    assert kept == 0  # the answer to its request went with it
