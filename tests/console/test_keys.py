"""Keys in the console, on the real routes: made, shown once, given a new secret, expired and revoked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.console.conftest import ConsoleServer
from tests.console.page import Console
from tests.waiting import until


@pytest.fixture
def keys(server: ConsoleServer) -> Iterator[httpx.Client]:
    """Keys that a test made are revoked after it."""
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.key}"}) as api:
        before = {one["id"] for one in api.get("/v1/keys").json()["items"]}
        yield api
        for one in api.get("/v1/keys").json()["items"]:
            if one["id"] not in before:
                api.delete(f"/v1/keys/{one['id']}")


def status(server: ConsoleServer, secret: str) -> int:
    return httpx.get(f"{server.url}/v1/galleries/default", headers={"Authorization": f"Bearer {secret}"}).status_code


def row(main: Any, name: str) -> Any:
    return main.get_by_role("row").filter(has_text=name)


def test_a_key_is_made_shown_once_given_a_new_secret_and_revoked(
    console: Console, server: ConsoleServer, keys: httpx.Client
) -> None:
    main = console.open("keys")
    main.get_by_label("Name", exact=True).fill("<i>reader")
    main.get_by_role("checkbox", name="read").check()
    main.get_by_role("button", name="Make a key").click()
    first = main.locator(".secret code").inner_text()
    assert status(server, first) == 200
    console.shot()
    (made,) = [one for one in keys.get("/v1/keys").json()["items"] if one["name"] == "<i>reader"]
    assert (made["scopes"], made["galleries"]) == (["identify", "read"], ["default"])
    ends = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=88) < ends < timedelta(days=92)
    assert "identify, read" in row(main, "<i>reader").inner_text()

    row(main, "<i>reader").get_by_role("button", name="New secret").click()
    main.locator(".secret code").filter(has_not_text=first).wait_for()
    second = main.locator(".secret code").inner_text()
    assert (status(server, first), status(server, second)) == (200, 200)  # the first one for another day
    assert main.get_by_text("The secret before is taken until").is_visible()
    console.shot()

    row(main, "<i>reader").get_by_role("button", name="Revoke").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    row(main, "<i>reader").wait_for(state="detached")
    assert main.get_by_text(second).count() == 0
    assert (status(server, first), status(server, second)) == (401, 401)


def test_a_key_that_has_expired_is_shown_as_such(console: Console, server: ConsoleServer, keys: httpx.Client) -> None:
    made = list[httpx.Response]()

    def is_made() -> bool:
        """What has expired before the server sees it is refused, which happens on a busy machine."""
        soon = (datetime.now(UTC) + timedelta(seconds=1 + len(made))).isoformat()
        made.append(keys.post("/v1/keys", json={"name": "short", "scopes": ["read"], "expires": soon}))
        return made[-1].status_code < 400

    until(is_made)
    secret = made[-1].json()["secret"]
    until(lambda: status(server, secret) != 200)
    assert "expired" in row(console.open("keys"), "short").inner_text()
    console.shot()


def test_a_key_with_limits_says_what_of_them_is_used(console: Console, keys: httpx.Client) -> None:
    main = console.open("keys")
    main.get_by_label("Name", exact=True).fill("metered")
    main.get_by_label("Seconds of audio a day").fill("3600")
    main.get_by_label("Requests a minute").fill("60")
    main.get_by_role("button", name="Make a key").click()
    row(main, "metered").wait_for()
    assert "0 of 3,600 s of audio today; 60 requests a minute" in row(main, "metered").inner_text()
    console.shot()
    (made,) = [one for one in keys.get("/v1/keys").json()["items"] if one["name"] == "metered"]
    assert (made["audio_seconds_per_day"], made["requests_per_minute"]) == (3600, 60)


def test_a_key_without_a_scope_is_not_asked_for(console: Console, keys: httpx.Client) -> None:
    main = console.open("keys")
    main.get_by_label("Name", exact=True).fill("nothing")
    main.get_by_role("checkbox", name="identify").uncheck()
    main.get_by_role("button", name="Make a key").click()
    told = main.get_by_role("checkbox", name="identify").evaluate("box => box.validationMessage")
    assert told == "Choose at least one scope."
    main.get_by_role("checkbox", name="read").check()
    main.get_by_role("button", name="Make a key").click()
    row(main, "nothing").wait_for()


def test_a_server_without_such_a_route_has_no_page_for_it(console: Console) -> None:
    console.page.route("**/v1/keys**", lambda route: route.fulfill(status=404, json={"code": "no_such_path"}))
    console.open("identify")
    assert console.page.get_by_role("link", name="Keys").count() == 0
    console.page.unroute("**/v1/keys**")
