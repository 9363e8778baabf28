"""Waiting, shares, and wrong keys."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from speakerid.api.auth import network
from speakerid.api.limits import AGAIN_S, NETWORKS, WRONG_KEYS, KeyThrottle, Patience, Shares
from speakerid.errors import Overloaded, TooManyWrongKeys
from tests.api.asking import SPEAKERS, refused
from tests.api.conftest import Scoped
from tests.api.streaming import STREAM, refusal


def lasts(patience: Patience, size: int, every_s: float, rounds: int = 1000) -> float:
    """Seconds until it is over for a client that sends `size` bytes every `every_s`; endless: all rounds."""
    for done in range(rounds):
        patience.spend(every_s)
        if patience.over:
            return done * every_s
        patience.moved(size)
    return rounds * every_s


@pytest.mark.parametrize(("size", "every_s", "seconds"), [(0, 1.0, 14.0), (1, 1.0, 15.0), (512, 1.0, 29.0)])
def test_too_slow_ends(size: int, every_s: float, seconds: float) -> None:
    assert lasts(Patience(15.0), size, every_s) == pytest.approx(seconds, abs=1.0)


@pytest.mark.parametrize(("size", "every_s"), [(1024, 1.0), (14 * 1024, 14.0), (64 * 1024, 10.0)])
def test_a_slow_line_may_take_for_ever(size: int, every_s: float) -> None:
    assert lasts(Patience(15.0), size, every_s) == 1000 * every_s


def test_what_came_long_ago_does_not_count() -> None:
    patience = Patience(15.0)
    patience.moved(2**31)
    patience.spend(15.0)
    assert patience.over


def taken(shares: Shares, caller: str) -> int:
    """Places that `caller` gets until it is refused."""
    for count in range(shares.limit + 1):
        try:
            shares.take(caller)
        except Overloaded:
            return count
    raise AssertionError("more than there are")


def test_one_caller_gets_half_and_every_newcomer_gets_some() -> None:
    shares = Shares(16)
    assert [taken(shares, caller) for caller in ("first", "second", "third", "fourth")] == [8, 4, 2, 1]
    assert shares.total == 15


def test_what_is_given_back_is_there_for_others() -> None:
    shares = Shares(16)
    taken(shares, "first")
    shares.give("first", 8)
    assert shares.total == 0
    assert taken(shares, "second") == 8


def test_the_least_is_had_in_any_case_but_never_more_than_there_is() -> None:
    shares = Shares(100, least=80)
    shares.take("first", 80)
    with pytest.raises(Overloaded):
        shares.take("first", 1)
    with pytest.raises(Overloaded):
        shares.take("second", 21)
    shares.take("second", 20)
    assert shares.total == 100


def test_one_place_is_for_whoever_comes_first() -> None:
    shares = Shares(1)
    with shares.place("first"), pytest.raises(Overloaded), shares.place("second"):
        pass
    assert taken(shares, "second") == 1


def test_no_place_is_none() -> None:
    assert taken(Shares(0), "a") == 0


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
