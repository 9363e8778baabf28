"""What whoever runs a server does by the Client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from speakerid.client import Client, operations
from speakerid.client.wire import ClientError
from speakerid.services import keys
from speakerid.services.engine import Engine
from tests.client.through import Through


def connected(client: TestClient, secret: str) -> Client:
    return Client("http://127.0.0.1", secret, transport=Through(client))


@pytest.fixture
def operator(client: TestClient, engine: Engine) -> Iterator[Client]:
    with engine.write() as db:
        secret = keys.create(db, "operator", ("admin",)).secret
    with connected(client, secret) as made:
        yield made


def test_a_key_is_made_rotated_and_revoked(client: TestClient, operator: Client) -> None:
    made = operator.operations.create_key("robot", ["read"], galleries=["default"], expires="90d")
    rotated = operator.operations.rotate_key(made.key.id, grace="0")
    assert [one.id for one in operator.operations.list_keys()][1:] == [made.key.id]
    with connected(client, rotated.secret) as robot:
        assert [one.name for one in robot.galleries()] == ["default"]
        operator.operations.revoke_key(made.key.id)
        with pytest.raises(ClientError) as refused:
            robot.galleries()
    assert refused.value.code == "key_invalid"


def test_the_access_log_comes_page_by_page(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "EVENTS", 2)
    made = [operator.create_speaker(name).id for name in ("Ada", "Ben", "Eve")]
    events = list(operator.operations.access_log())
    assert [one.speaker_id for one in events] == made
    assert [one.speaker_id for one in operator.operations.access_log(after=events[1].id)] == made[2:]
    assert [one.id for one in operator.operations.access_log(speaker_id=made[0])] == [events[0].id]
    assert list(operator.operations.access_log(since=events[-1].at + timedelta(hours=1))) == []
