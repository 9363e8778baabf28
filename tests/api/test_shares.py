"""What everybody shares: nobody has all of it, and a newcomer finds room."""

from __future__ import annotations

import pytest

from speakerid.api.limits import Shares
from speakerid.errors import Overloaded


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
    assert taken(Shares(0), "anybody") == 0
