"""What stands between a client and the service: nginx, Traefik, Cloudflare, caches, probes."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.api.asking import DEFAULT, SPEAKERS, new_speaker, refused
from tests.sampled import ADA, probe


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_may_use_head(client: TestClient, path: str) -> None:
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == client.get(path).headers["content-length"]


def test_an_etag_that_a_proxy_made_weak_still_names_its_version(client: TestClient) -> None:
    ada = new_speaker(client, "Ada")
    weak = f"W/{client.get(f'{SPEAKERS}/{ada}').headers['etag']}"
    changed = client.patch(f"{SPEAKERS}/{ada}", json={"name": "Ada L."}, headers={"If-Match": f'"v7", {weak}'})
    assert changed.status_code == 200
    again = client.patch(f"{SPEAKERS}/{ada}", json={"name": "Ada"}, headers={"If-Match": weak})
    refused(again, 412, "precondition_failed")


def test_a_known_etag_never_hides_what_its_version_does_not_count(client: TestClient) -> None:
    """It is the version that If-Match guards; a gallery's speakers come and go without it."""
    etag = client.get(DEFAULT).headers["etag"]
    new_speaker(client, "Ada")
    answer = client.get(DEFAULT, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.json()["speakers"]) == (200, 1)


def test_no_shared_cache_keeps_an_answer(client: TestClient) -> None:
    for answer in (client.get(DEFAULT), client.get("/v1/nothing"), client.post(f"{DEFAULT}/identify", content=b"x")):
        assert answer.headers["cache-control"] == "private, no-cache"


def test_nginx_does_not_hold_back_events(client: TestClient) -> None:
    recording = client.post(f"{DEFAULT}/recordings", content=probe(ADA)).json()["id"]
    answer = client.head(f"{DEFAULT}/recordings/{recording}/events")
    assert (answer.headers["x-accel-buffering"], answer.headers["cache-control"]) == ("no", "no-store")


@pytest.mark.parametrize(
    ("sender", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("203.0.113.5", 401), ("2001:db8::1", 401), ("10.0.0.7", 401)],
)
def test_an_open_server_is_not_opened_to_others_by_a_proxy(client: TestClient, sender: str, status: int) -> None:
    """uvicorn takes X-Forwarded-For of a proxy on this machine for the client's address."""
    through = TestClient(client.app, base_url="http://127.0.0.1", client=(sender, 50_000))
    answer = through.get(DEFAULT)
    assert answer.status_code == status
    if status == 401:
        assert "a proxy forwards" in refused(answer, 401, "key_missing")["detail"]


def test_a_host_that_is_not_this_machine_is_named(client: TestClient) -> None:
    detail = refused(client.get(DEFAULT, headers={"Host": "voices.example.org"}), 401, "key_missing")["detail"]
    assert "'voices.example.org'" in detail
    assert "speakerid keys create" in detail


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"X-Forwarded-For": "127.0.0.1, ::1"}, 200),
        ({"X-Forwarded-For": "unknown"}, 401),
        ({"X-Forwarded-For": "127.0.0.1, 8.8.8.8"}, 401),
        ({"X-Forwarded-For": '"127.0.0.1"'}, 401),
        ({"X-Real-IP": "8.8.8.8"}, 401),
        ({"Forwarded": "for=8.8.8.8"}, 401),
        ({"Host": "evil.example@127.0.0.1"}, 401),
        ({"Host": "evil.example\\@127.0.0.1"}, 401),
        ({"Origin": "*"}, 401),
    ],
    ids=str,
)
def test_an_address_that_cannot_be_read_is_not_this_machine_s(
    client: TestClient, header: dict[str, str], status: int
) -> None:
    assert client.get(DEFAULT, headers=header).status_code == status
