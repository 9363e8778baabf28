"""Threads write in the order they came, and nobody who gave up is waited for."""

from __future__ import annotations

import threading
from pathlib import Path

from speakerid.db.store_file import Turns, turns
from tests.waiting import PATIENCE_S, until

SHORT_S = 0.05


def test_whoever_waited_longest_is_next() -> None:
    shared, order = Turns(), list[int]()

    def take(number: int) -> None:
        with shared.turn(PATIENCE_S) as mine:
            assert mine
            order.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    with shared.turn(PATIENCE_S):
        for number, thread in enumerate(threads, 1):
            thread.start()
            until(lambda waiting=number: len(shared._waiting) == waiting)  # type: ignore[misc]  # its default is what the loop has now
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == list(range(8))


def test_one_who_gave_up_is_passed_over() -> None:
    shared = Turns()
    with shared.turn(PATIENCE_S) as first, shared.turn(SHORT_S) as second:
        assert (first, second) == (True, False)
    with shared.turn(0.0) as mine:
        assert mine


def test_one_who_fails_passes_the_turn_on() -> None:
    shared = Turns()
    for _ in range(2):
        try:
            with shared.turn(0.0) as mine:
                assert mine
                raise ZeroDivisionError
        except ZeroDivisionError:
            continue


def test_a_store_has_one_queue_whatever_name_it_is_opened_by(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "store")
    assert turns(tmp_path / "link") is turns(tmp_path / "store") is not turns(tmp_path / "other")
