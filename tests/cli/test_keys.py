from __future__ import annotations

from functools import partial

import pytest
from fastapi.testclient import TestClient

from speakerid.client import Client
from speakerid.services import keys
from speakerid.services.engine import Engine
from tests.cli.command import Command
from tests.client.through import Through


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def through(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command asks of a server, the application of this process answers."""
    monkeypatch.setattr("speakerid.client.Client", partial(Client, transport=Through(client)))


def test_the_secret_is_shown_once(empty: Command) -> None:
    made = empty("keys", "create", "robot", "--scope", "identify", "--scope", "read", "--gallery", "team", "--json")
    key, secret = made.json["key"], made.json["secret"]
    assert (key["name"], key["scopes"], key["galleries"]) == ("robot", ["identify", "read"], ["team"])
    assert secret.startswith("sid_")
    assert empty("keys", "list", "--json").json == {"items": [key]}
    assert secret not in empty("keys", "list").out


def test_a_script_can_catch_the_secret(empty: Command) -> None:
    ran = empty("keys", "create", "robot", "--scope", "admin")
    assert ran.out.startswith("sid_")
    assert len(ran.out.splitlines()) == 1
    assert "not shown again" in ran.err


def test_revoke(empty: Command) -> None:
    key_id = empty("keys", "create", "robot", "--scope", "admin", "--json").json["key"]["id"]
    assert empty("keys", "revoke", "--yes", key_id).out == f"Revoked {key_id}.\n"
    assert empty("keys", "revoke", "--yes", key_id).err.startswith("key_not_found: ")
    assert empty("keys", "list", "--json").json == {"items": []}


def test_a_key_is_known_by_a_name_that_no_other_has(empty: Command) -> None:
    first = empty("keys", "create", "robot", "--scope", "read", "--json").json["key"]["id"]
    assert empty("keys", "rotate", "Robot", "--json").json["key"]["id"] == first
    second = empty("keys", "create", "robot", "--scope", "read", "--json").json["key"]["id"]
    for verb in (("rotate",), ("revoke", "--yes")):
        refused = empty("keys", *verb, "robot", "--json").problem
        assert (refused["code"], refused["key_ids"]) == ("ambiguous_name", [first, second])
    assert empty("keys", "revoke", "--yes", first).code == 0
    assert empty("keys", "revoke", "--yes", "robot").out == f"Revoked {second}.\n"


def test_scopes_are_checked(empty: Command) -> None:
    assert empty("keys", "create", "robot", "--scope", "fly", "--json").problem["code"] == "invalid_request"
    assert empty("keys", "create", "robot").code == 2


def test_no_encoder_is_needed(empty: Command) -> None:
    assert empty("keys", "list", SPEAKERID_ENCODER="no-such-encoder").code == 0


def test_a_store_that_had_keys_is_opened_only_on_purpose(empty: Command) -> None:
    key_id = empty("keys", "create", "robot", "--scope", "admin", "--json").json["key"]["id"]
    assert empty("keys", "allow-none", "--json").problem["code"] == "keys_exist"
    empty("keys", "revoke", "--yes", key_id)
    assert empty("keys", "allow-none").out == "Programs of this machine need no key now.\n"


def test_a_key_may_expire_and_have_a_rate(empty: Command) -> None:
    ran = empty("keys", "create", "robot", "--scope", "read", "--expires", "2999-01-31", "--per-minute", "60", "--json")
    key = ran.json["key"]
    assert (key["expires_at"], key["requests_per_minute"]) == ("2999-02-01T00:00:00Z", 60)
    assert "2999-02-01 00:00" in empty("keys", "list").out
    limited = empty("keys", "create", "robot", "--scope", "identify", "--audio-per-day", "3600", "--json").json["key"]
    assert (limited["audio_seconds_per_day"], limited["audio_seconds_today"]) == (3600, 0.0)
    assert "0 of 3600" in empty("keys", "list").out
    wrong = empty("keys", "create", "robot", "--scope", "read", "--expires", "yesterday", "--json")
    assert wrong.problem["code"] == "invalid_request"


def test_a_rotated_key_keeps_its_id_and_has_a_new_secret(empty: Command) -> None:
    old = empty("keys", "create", "robot", "--scope", "admin", "--json").json
    ran = empty("keys", "rotate", old["key"]["id"], "--grace", "15m")
    assert ran.out.startswith("sid_")
    assert ran.out.strip() != old["secret"]
    assert old["key"]["id"] in ran.err
    (listed,) = empty("keys", "list", "--json").json["items"]
    assert listed["former_secret_until"] is not None


def test_a_server_is_asked_by_url(empty: Command, client: TestClient, engine: Engine, through: None) -> None:
    url = ("--url", "http://127.0.0.1")
    refused = empty("keys", "create", "robot", "--scope", "read", *url, "--json")
    assert (refused.code, refused.problem["code"]) == (1, "first_key_at_store")
    with engine.write() as db:
        admin = ("--key", keys.create(db, "operator", ("admin",)).secret)
    ran = empty("keys", "create", "robot", "--scope", "read", "--per-minute", "60", *url, *admin, "--json")
    assert (ran.json["key"]["name"], ran.json["key"]["requests_per_minute"]) == ("robot", 60)
    listed = empty("keys", "list", *url, *admin, "--json").json["items"]
    assert [one["name"] for one in listed] == ["operator", "robot"]
    key_id = ran.json["key"]["id"]
    assert empty("keys", "rotate", key_id, "--grace", "0", *url, *admin).out.startswith("sid_")
    assert empty("keys", "revoke", "--yes", key_id, *url, *admin).out == f"Revoked {key_id}.\n"
    assert empty("keys", "revoke", "--yes", key_id, *url, *admin, "--json").problem["code"] == "key_not_found"
    for missing in (("keys", "list"), ("access-log",)):
        assert empty(*missing, *url, "--json").problem["code"] == "key_missing"
    assert empty("keys", "list", *url, "--store", "voices.db").code == 2


def test_the_access_log_of_a_server_is_read_by_url(
    empty: Command, client: TestClient, engine: Engine, through: None
) -> None:
    with engine.write() as db:
        secret = keys.create(db, "operator", ("admin",)).secret
    here = {"SPEAKERID_URL": "http://127.0.0.1", "SPEAKERID_KEY": secret}
    for name in ("one", "two"):
        empty("galleries", "create", name, **here)
    first, second = (one for one in empty("access-log", "--json", **here).lines if one["action"].startswith("POST"))
    assert (first["gallery"], first["key_id"]) == (None, second["key_id"])
    assert empty("access-log", "--after", str(first["id"]), "--json", **here).lines == [second]
    assert empty("access-log", "--gallery", "one", "--json", **here).lines == []
    assert second["key_id"] in empty("access-log", "--since", "1h", **here).out
