"""Logs tell what happened to whom by ids alone: no name, no external id, no key, no audio."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from fastapi import FastAPI

from tests.api.asking import DEFAULT, SPEAKERS, new_speaker
from tests.api.conftest import ClientMaker, Scoped
from tests.conftest import STORES
from tests.engines import EngineMaker
from tests.sampled import ADA, probe, utterance

SECRETS = ("Lovelace", "staff-4711", "note to self", "sid_")
OWN_LOGS = ("speakerid", "sqlalchemy", "alembic", "uvicorn", "psycopg", "python_multipart")


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def test_nothing_about_a_person_is_logged(
    open_engine: EngineMaker,
    open_client: ClientMaker,
    key: Scoped,
    store_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    client = open_client(open_engine(store_url))  # made under DEBUG, as a curious operator would
    client.headers.update(key("admin"))
    details: dict[str, Any] = {"external_id": "staff-4711", "metadata": {"note": "note to self"}}
    ada = new_speaker(client, "Ada Lovelace", **details)
    speaker = f"{SPEAKERS}/{ada}"
    client.post(f"{speaker}/utterances", content=utterance(ADA))
    client.post(f"{speaker}/utterances", files={"file": ("Lovelace.opus", utterance(ADA, 1))})
    client.post(f"{DEFAULT}/identify", content=probe(ADA))
    client.get(SPEAKERS, params={"name": "Ada Lovelace"})
    client.post(SPEAKERS, json={"name": "Eve Lovelace", **details})  # taken: an error of the store underneath
    client.post(SPEAKERS, json={"name": "Lovelace\0"})
    client.patch(speaker, json={"name": "Ada K. Lovelace"})
    client.delete(speaker)
    ours = [record for record in caplog.records if record.name.startswith(OWN_LOGS)]
    text = "\n".join(logging.Formatter().format(record) for record in ours)
    assert [secret for secret in SECRETS if secret in text] == []
    assert repr(utterance(ADA)[100:108])[2:-1] not in text


def test_a_failure_is_logged_without_the_request(open_client: ClientMaker, caplog: pytest.LogCaptureFixture) -> None:
    client = open_client()
    app = client.app
    assert isinstance(app, FastAPI)
    app.state.engine = None
    answer = client.post(SPEAKERS, json={"name": "Ada Lovelace"})
    assert answer.status_code == 500
    assert answer.json()["request_id"] in caplog.text
    assert "Lovelace" not in caplog.text
