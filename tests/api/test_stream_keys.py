"""Whose key opens a live stream, and keeps it open."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from speakerid.services import keys
from speakerid.services.engine import Engine
from tests.api.conftest import Scoped
from tests.api.streaming import STREAM, pcm, refusal
from tests.sampled import ADA


class TestKeys:
    def test_none(self, client: TestClient, key: Scoped) -> None:
        key("admin")
        with client.websocket_connect(STREAM) as live:
            live.send_json({})
            problem, closed = refusal(live)
        assert (problem["code"], closed) == ("key_missing", 4401)

    def test_a_wrong_one(self, client: TestClient, key: Scoped) -> None:
        key("admin")
        with client.websocket_connect(STREAM) as live:
            live.send_json({"key": "sid_wrong"})
            problem, closed = refusal(live)
        assert (problem["code"], closed) == ("key_invalid", 4401)

    def test_every_scope_but_the_right_one(self, client: TestClient, key: Scoped) -> None:
        with client.websocket_connect(STREAM, headers=key("enroll", "read")) as live:
            live.send_json({})
            problem, closed = refusal(live)
        assert (problem["code"], closed) == ("scope_missing", 4403)

    def test_for_another_gallery(self, client: TestClient, key: Scoped) -> None:
        with client.websocket_connect(STREAM, headers=key("identify", galleries=("other",))) as live:
            live.send_json({})
            problem, closed = refusal(live)
        assert (problem["code"], closed) == ("scope_missing", 4403)

    def test_as_a_header(self, client: TestClient, key: Scoped) -> None:
        with client.websocket_connect(STREAM, headers=key("identify", galleries=("default",))) as live:
            live.send_json({})
            assert live.receive_json()["type"] == "ready"

    def test_as_a_subprotocol(self, client: TestClient, engine: Engine) -> None:
        """The way of a browser, which gets back the one that is no secret."""
        with engine.write() as db:
            secret = keys.create(db, "test", ("identify",)).secret
        with client.websocket_connect(STREAM, subprotocols=["speakerid", f"bearer.{secret}"]) as live:
            assert live.accepted_subprotocol == "speakerid"
            live.send_json({})
            assert live.receive_json()["type"] == "ready"

    def test_revoked_while_it_speaks(
        self, client: TestClient, key: Scoped, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("speakerid.api.routes.stream.STILL_ALLOWED_S", 0.0)
        key("admin")
        with engine.write() as db:
            made = keys.create(db, "test", ("identify",))
        with client.websocket_connect(STREAM) as live:
            live.send_json({"key": made.secret})
            assert live.receive_json()["type"] == "ready"
            with engine.write() as db:
                keys.revoke(db, made.key.id)
            live.send_bytes(pcm(ADA)[:6_400])
            problem, closed = refusal(live)
        assert (problem["code"], closed) == ("key_invalid", 4401)

    def test_in_the_first_message(self, client: TestClient, key: Scoped) -> None:
        secret = key("identify")["Authorization"].removeprefix("Bearer ")
        with client.websocket_connect(STREAM) as live:
            live.send_json({"key": secret})
            assert live.receive_json()["type"] == "ready"

    def test_never_in_the_address(self, client: TestClient, key: Scoped) -> None:
        secret = key("identify")["Authorization"].removeprefix("Bearer ")
        with client.websocket_connect(f"{STREAM}?key={secret}&token={secret}") as live:
            live.send_json({})
            assert refusal(live)[0]["code"] == "key_missing"


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_an_open_server_answers_only_this_machine(client: TestClient, headers: dict[str, str]) -> None:
    with client.websocket_connect(STREAM, headers=headers) as live:
        live.send_json({})
        assert refusal(live)[0]["code"] == "key_missing"
