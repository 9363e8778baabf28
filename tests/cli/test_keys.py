from __future__ import annotations

from tests.cli.command import Command


def test_the_secret_is_shown_once(speakerid: Command) -> None:
    made = speakerid("keys", "create", "robot", "--scope", "identify", "--scope", "read", "--gallery", "team", "--json")
    key, secret = made.json["key"], made.json["secret"]
    assert (key["name"], key["scopes"], key["galleries"]) == ("robot", ["identify", "read"], ["team"])
    assert secret.startswith("sid_")
    assert speakerid("keys", "list", "--json").json == {"items": [key]}
    assert secret not in speakerid("keys", "list").out


def test_a_script_can_catch_the_secret(speakerid: Command) -> None:
    ran = speakerid("keys", "create", "robot", "--scope", "admin")
    assert ran.out.startswith("sid_")
    assert len(ran.out.splitlines()) == 1
    assert "not shown again" in ran.err


def test_revoke(speakerid: Command) -> None:
    key_id = speakerid("keys", "create", "robot", "--scope", "admin", "--json").json["key"]["id"]
    assert speakerid("keys", "revoke", key_id).out == f"Revoked {key_id}.\n"
    assert speakerid("keys", "revoke", key_id).err.startswith("key_not_found: ")
    assert speakerid("keys", "list", "--json").json == {"items": []}


def test_scopes_are_checked(speakerid: Command) -> None:
    assert speakerid("keys", "create", "robot", "--scope", "fly", "--json").problem["code"] == "invalid_request"
    assert speakerid("keys", "create", "robot").code == 2


def test_no_encoder_is_needed(speakerid: Command) -> None:
    assert speakerid("keys", "list", SPEAKERID_ENCODER="no-such-encoder").code == 0


def test_a_store_that_had_keys_is_opened_only_on_purpose(speakerid: Command) -> None:
    key_id = speakerid("keys", "create", "robot", "--scope", "admin", "--json").json["key"]["id"]
    assert speakerid("keys", "allow-none", "--json").problem["code"] == "keys_exist"
    speakerid("keys", "revoke", key_id)
    assert speakerid("keys", "allow-none").out == "Programs of this machine need no key now.\n"
