"""Wrong keys: how many, from where, and who else is touched."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from speakerid.api.auth import network
from speakerid.api.limits import AGAIN_S, NETWORKS, WRONG_KEYS, KeyThrottle
from speakerid.errors import TooManyWrongKeys
from tests.api.asking import SPEAKERS, refused
from tests.api.conftest import Scoped
from tests.api.streaming import STREAM, refusal


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def guess(throttle: KeyThrottle, network: str, times: int = 1) -> None:
    for number in range(times):
        throttle.check(network, f"guess {number}")
        throttle.wrong(network, f"guess {number}")


def test_a_network_may_be_wrong_twenty_times_and_then_once_every_three_seconds() -> None:
    throttle = KeyThrottle(clock := Clock())
    guess(throttle, "here", WRONG_KEYS)
    with pytest.raises(TooManyWrongKeys) as error:
        guess(throttle, "here")
    assert error.value.retry_after_s == AGAIN_S
    clock.now += AGAIN_S
    guess(throttle, "here")
    with pytest.raises(TooManyWrongKeys):
        guess(throttle, "here")


def test_other_networks_are_not_touched() -> None:
    throttle = KeyThrottle(Clock())
    guess(throttle, "here", WRONG_KEYS)
    guess(throttle, "there", WRONG_KEYS)


def test_a_key_that_was_right_before_is_looked_up_whatever_its_neighbors_do() -> None:
    throttle = KeyThrottle(Clock())
    throttle.right("mine")
    guess(throttle, "here", WRONG_KEYS)
    throttle.check("here", "mine")
    throttle.wrong("here", "mine")  # revoked
    with pytest.raises(TooManyWrongKeys):
        throttle.check("here", "mine")


def test_it_remembers_so_many_networks() -> None:
    throttle = KeyThrottle(Clock())
    for number in range(NETWORKS + 10):
        throttle.wrong(str(number), "guess")
    assert len(throttle._wrong) == NETWORKS


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("testclient", "no address", True),
    ],
)
def test_a_network_is_an_ipv4_address_or_64_bits_of_an_ipv6_one(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same


def test_over_http_and_websocket(client: TestClient, key: Scoped) -> None:
    right, new = key("read"), key("read")
    assert client.get(SPEAKERS, headers=right).status_code == 200
    for number in range(WRONG_KEYS):
        wrong = {"Authorization": f"Bearer sid_{number}"}
        refused(client.get(SPEAKERS, headers=wrong), 401, "key_invalid")
    answer = client.get(SPEAKERS, headers=wrong)
    refused(answer, 429, "too_many_wrong_keys")
    assert int(answer.headers["retry-after"]) >= 1
    assert client.get(SPEAKERS, headers=right).status_code == 200
    refused(client.get(SPEAKERS, headers=new), 429, "too_many_wrong_keys")  # nothing tells it from a guess
    refused(client.get(SPEAKERS), 401, "key_missing")
    with client.websocket_connect(STREAM) as live:
        live.send_json({"key": "sid_wrong"})
        problem, closed = refusal(live)
    assert (problem["code"], closed) == ("too_many_wrong_keys", 4429)


def test_an_open_server_counts_no_keys(client: TestClient) -> None:
    for number in range(WRONG_KEYS + 5):
        assert client.get(SPEAKERS, headers={"Authorization": f"Bearer sid_{number}"}).status_code == 200
