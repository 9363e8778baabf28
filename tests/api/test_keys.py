"""Keys over HTTP: who may make them, how they end, and how many requests they may send."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from speakerid.api.rates import KeyRates
from speakerid.db.repositories import keys as rows
from speakerid.db.types import now
from speakerid.errors import KeyRateReached
from speakerid.services import keys
from speakerid.services.bookkeeping import Bookkeeper, Notes
from speakerid.services.engine import Engine
from speakerid.types import Key
from tests.api.asking import refused
from tests.api.conftest import Scoped

KEYS = "/v1/keys"
Headers = dict[str, str]


@pytest.fixture
def admin(key: Scoped) -> Headers:
    return key("admin")


def made(client: TestClient, by: Headers, **fields: Any) -> dict[str, Any]:
    answer = client.post(KEYS, headers=by, json={"name": "robot", "scopes": ["read"]} | fields)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def bearer(secret: str) -> Headers:
    return {"Authorization": f"Bearer {secret}"}


def may_read(client: TestClient, secret: str) -> Any:
    return client.get("/v1/galleries", headers=bearer(secret))


def test_a_key_is_made_used_listed_without_its_secret_and_revoked(client: TestClient, admin: Headers) -> None:
    new = made(client, admin, scopes=["read", "identify"], galleries=["team"], requests_per_minute=60)
    assert may_read(client, new["secret"]).status_code == 200
    listed = client.get(KEYS, headers=admin).json()["items"]
    assert listed[1] == new["key"]
    assert (new["key"]["scopes"], new["key"]["galleries"]) == (["identify", "read"], ["team"])
    assert new["secret"] not in client.get(KEYS, headers=admin).text
    assert client.delete(f"{KEYS}/{new['key']['id']}", headers=admin).status_code == 204
    refused(may_read(client, new["secret"]), 401, "key_invalid")


def test_a_server_without_keys_makes_none(client: TestClient) -> None:
    answer = client.post(KEYS, json={"name": "robot", "scopes": ["admin"]})
    assert "speakerid keys create" in refused(answer, 403, "first_key_at_store")["detail"]
    assert client.get("/v1/galleries").status_code == 200  # and is still open


@pytest.mark.parametrize(("method", "path"), [("GET", KEYS), ("POST", KEYS), ("POST", f"{KEYS}/x/rotate")])
def test_a_key_of_a_gallery_gets_at_no_key(client: TestClient, key: Scoped, method: str, path: str) -> None:
    """It could make a broader one, or take one over."""
    bound = key("admin", galleries=("default",))
    body = {"name": "robot", "scopes": ["read"], "galleries": ["default"]} if path == KEYS else {}
    refused(client.request(method, path, headers=bound, json=body), 403, "scope_missing")


@pytest.mark.parametrize(
    "fields",
    [
        {"scopes": ["fly"]},
        {"scopes": []},
        {"galleries": ["No Such Name"]},
        {"expires": "soon"},
        {"expires": "2001-01-31"},
        {"expires": "9999-12-31"},
        {"expires": "0d"},
        {"requests_per_minute": 0},
        {"requests_per_minute": "60"},
        {"audio_seconds_per_day": 0},
        {"secret": "sid_mine"},
    ],
)
def test_a_key_that_cannot_be_is_refused(client: TestClient, admin: Headers, fields: dict[str, Any]) -> None:
    body = {"name": "robot", "scopes": ["read"]} | fields
    refused(client.post(KEYS, headers=admin, json=body), 422, "invalid_request")


@pytest.mark.parametrize(
    ("expires", "end"),
    [
        ("2999-01-31", "2999-02-01T00:00:00Z"),  # the day's end
        ("2999-01-31T12:00:00+02:00", "2999-01-31T10:00:00Z"),
        ("2999-01-31T12:00", "2999-01-31T12:00:00Z"),
    ],
)
def test_an_end_may_be_a_day_or_a_time(client: TestClient, admin: Headers, expires: str, end: str) -> None:
    assert made(client, admin, expires=expires)["key"]["expires_at"] == end


def test_an_end_may_be_a_span(client: TestClient, admin: Headers) -> None:
    end = datetime.fromisoformat(made(client, admin, expires="90d")["key"]["expires_at"])
    assert abs(end - now() - timedelta(days=90)) < timedelta(minutes=1)


def test_an_expired_key_says_that_it_expired(client: TestClient, engine: Engine, admin: Headers) -> None:
    new = made(client, admin, expires="1h")
    assert may_read(client, new["secret"]).status_code == 200
    with engine.write() as db:
        rows.get(db, new["key"]["id"]).expires_at = now() - timedelta(seconds=1)
    answer = may_read(client, new["secret"])
    assert "expired" in refused(answer, 401, "key_expired")["detail"]
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_that_expires_makes_none_that_outlives_it(client: TestClient, admin: Headers) -> None:
    passing = bearer(made(client, admin, scopes=["admin"], expires="7d")["secret"])
    assert made(client, passing, expires="6d")["key"]["expires_at"]
    for fields in ({}, {"expires": "8d"}):
        answer = client.post(KEYS, headers=passing, json={"name": "robot", "scopes": ["admin"]} | fields)
        refused(answer, 403, "key_outlives")
    lasting = made(client, admin)["key"]["id"]
    refused(client.post(f"{KEYS}/{lasting}/rotate", headers=passing, json={}), 403, "key_outlives")


def test_a_rotated_key_has_two_secrets_for_a_while(client: TestClient, engine: Engine, admin: Headers) -> None:
    old = made(client, admin)
    new = client.post(f"{KEYS}/{old['key']['id']}/rotate", headers=admin, json={"grace": "15m"}).json()
    assert new["key"]["id"] == old["key"]["id"]
    assert [may_read(client, one["secret"]).status_code for one in (old, new)] == [200, 200]
    with engine.write() as db:
        rows.get(db, new["key"]["id"]).former_until = now()
    refused(may_read(client, old["secret"]), 401, "key_expired")
    assert may_read(client, new["secret"]).status_code == 200


def test_without_grace_the_old_secret_ends_at_once(client: TestClient, admin: Headers) -> None:
    old = made(client, admin)
    rotate = f"{KEYS}/{old['key']['id']}/rotate"
    new = client.post(rotate, headers=admin, json={"grace": "0", "expires": "30d"}).json()
    assert new["key"]["expires_at"] is not None
    refused(may_read(client, old["secret"]), 401, "key_expired")
    client.post(rotate, headers=admin, json={})
    refused(may_read(client, old["secret"]), 401, "key_invalid")  # of two rotations ago nothing is known


def test_a_key_sends_no_more_requests_a_minute_than_it_may(client: TestClient, admin: Headers) -> None:
    secret = made(client, admin, requests_per_minute=2)["secret"]
    assert [may_read(client, secret).status_code for _ in range(2)] == [200, 200]
    answer = may_read(client, secret)
    refused(answer, 429, "key_rate_reached")
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert client.get("/v1/galleries", headers=admin).status_code == 200  # others are not concerned


def test_a_rate_gives_a_request_back_as_time_goes_by() -> None:
    at_s = 0.0
    rates, key = KeyRates(lambda: at_s), Key("key_1", "robot", (), (), datetime(2026, 1, 1, tzinfo=UTC), None, 6)
    for _ in range(6):
        rates.take(key)
    with pytest.raises(KeyRateReached) as reached:
        rates.take(key)
    assert reached.value.retry_after_s == 10
    at_s = 10.0
    rates.take(key)
    with pytest.raises(KeyRateReached):
        rates.take(key)


def test_the_day_of_last_use_is_noted_and_written_later(client: TestClient, engine: Engine, admin: Headers) -> None:
    notes: Notes = client.app.state.notes  # type: ignore[attr-defined]  # a FastAPI
    assert client.get(KEYS, headers=admin).json()["items"][0]["last_used_on"] is None
    Bookkeeper(engine, notes, 90).turn()
    assert client.get(KEYS, headers=admin).json()["items"][0]["last_used_on"] == f"{now().date()}"
    assert notes.take_used() == {}  # a second use on the same day is nothing new


def test_an_earlier_day_is_not_written_over_a_later_one(engine: Engine, admin: Headers) -> None:
    with engine.write() as db:
        key_id = keys.every(db)[0].id
        for day in (date(2026, 5, 2), date(2026, 5, 1)):
            rows.note_use(db, [key_id], day)
        assert keys.every(db)[0].last_used_on == date(2026, 5, 2)
