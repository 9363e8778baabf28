"""DELETE says whether bytes are left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from speakerid.db.erasure import BRIEFLY
from speakerid.db.models import SpeakerRow
from speakerid.services.engine import Engine
from speakerid.services.scrubber import Scrubber
from tests.db.rows import unit
from tests.services.enrolled import add_speaker, made_up

SPEAKERS = "/v1/galleries/default/speakers"


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_while_a_reader_keeps_bytes_the_answer_is_202(engine: Engine, client: TestClient) -> None:
    ada, ben = (add_speaker(engine, name, made_up(unit(n)), made_up(unit(n + 5))) for n, name in enumerate(("A", "B")))
    utterance = client.get(f"{SPEAKERS}/{ada.id}/utterances").json()["items"][0]["id"]
    client.app.state.engine = replace(engine, effort=BRIEFLY)  # type: ignore[attr-defined]
    with engine.read() as reader:
        reader.scalar(select(func.count(SpeakerRow.key)))
        erased = client.delete(f"{SPEAKERS}/{ada.id}/utterances/{utterance}")
        assert (erased.status_code, erased.json()["utterances"]) == (202, 1)
        assert client.delete(f"{SPEAKERS}/{ada.id}").status_code == 202
        assert client.get("/readyz").json()["erasures_pending"] == 2
    scrubber = Scrubber(engine)
    scrubber.start()
    for _ in range(500):
        if client.get("/readyz").json()["erasures_pending"] == 0:
            break
    scrubber.stop()
    assert client.get("/readyz").json()["erasures_pending"] == 0
    assert client.delete(f"{SPEAKERS}/{ben.id}").status_code == 204
