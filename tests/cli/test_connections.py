"""Who has to go when there are too many, and how many there may be."""

from __future__ import annotations

import resource

import pytest

from speakerid.cli.server.connections import (
    BATCH,
    FEWEST,
    MOST,
    RESERVED_FILES,
    Standing,
    allowed_connections,
    in_order,
    make_room,
)
from speakerid.errors import SettingsError


def order(*standings: Standing) -> list[Standing]:
    return in_order(standings)


def test_the_one_that_waited_longest_for_its_request_goes_first() -> None:
    short, long = Standing("a", "waiting", 2.0), Standing("a", "waiting", 9.0)
    sending, reading = Standing("a", "receiving", 60.0, 10), Standing("a", "answering", 60.0)
    working = Standing("a", "working", 900.0)
    assert order(working, reading, sending, short, long) == [long, short, sending, reading]


def test_who_has_just_come_goes_after_whoever_has_not() -> None:
    crowd = [Standing("a", "waiting", 0.1) for _ in range(5)]
    old = Standing("b", "waiting", 1.5)
    assert order(*crowd, old)[0] == old


def test_a_network_with_many_connections_gives_before_one_with_few() -> None:
    many = [Standing("many", "waiting", float(number + 2)) for number in range(5)]
    few = Standing("few", "waiting", 60.0)
    assert order(few, *many) == [*reversed(many), few]


def test_of_those_that_send_the_slowest_goes_first_not_the_longest() -> None:
    long, slow = Standing("a", "receiving", 600.0, 10**9), Standing("a", "receiving", 20.0, 20 * 1024)
    assert order(long, slow) == [slow, long]


class Crowd:
    """Connections that note that they were dropped."""

    def __init__(self, **phases: int) -> None:
        self.gone: list[str] = []
        self.standings = [
            Standing("a", phase, 5.0, drop=lambda phase=phase: self.gone.append(phase))  # type: ignore[arg-type,misc]
            for phase, count in phases.items()
            for _ in range(count)
        ]


@pytest.mark.parametrize(
    ("crowd", "limit", "gone"),
    [
        (Crowd(waiting=9), 10, []),
        (Crowd(waiting=10), 10, ["waiting"]),
        (Crowd(waiting=100, receiving=60), 160, ["waiting"] * (160 // BATCH)),
        (Crowd(waiting=2, receiving=158), 160, ["waiting"] * 2),  # more of them than need to, but of no others
        (Crowd(receiving=10), 10, ["receiving"]),
        (Crowd(working=9, answering=1), 10, ["answering"]),
        (Crowd(working=10), 10, []),
    ],
)
def test_room_is_made(crowd: Crowd, limit: int, gone: list[str]) -> None:
    assert make_room(crowd.standings, limit) is (limit > len(crowd.standings) or gone != [])
    assert crowd.gone == gone


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The limit of this process as it would be, newest last."""
    limits = [(1024, 1024)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.append(new))
    return limits


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "connections"),
    [
        (1024, 1024, 1024, 1024 - RESERVED_FILES),
        (1024, 1_048_576, MOST + RESERVED_FILES, MOST),
        (256, 2000, 2000, 2000 - RESERVED_FILES),
        (1024, resource.RLIM_INFINITY, MOST + RESERVED_FILES, MOST),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, resource.RLIM_INFINITY, MOST),
        (100_000, 100_000, 100_000, MOST),
    ],
)
def test_connections_stay_below_the_files_that_may_be_open(
    files: list[tuple[int, int]], soft: int, hard: int, raised: int, connections: int
) -> None:
    files.append((soft, hard))
    assert allowed_connections() == connections
    assert files[-1] == (raised, hard)


def test_too_few_files_for_a_service_are_a_sentence(files: list[tuple[int, int]]) -> None:
    files.append((256, 256))
    with pytest.raises(SettingsError, match="ulimit"):
        allowed_connections()
    files.append((FEWEST + RESERVED_FILES, FEWEST + RESERVED_FILES))
    assert allowed_connections() == FEWEST
