from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from speakerid.classification.forward_queue import ForwardQueue
from speakerid.errors import Overloaded
from tests.waiting import PATIENCE_S, until


def test_one_is_served_while_as_many_wait_as_may() -> None:
    queue = ForwardQueue(max_waiting=1)
    with queue.place(), queue.place(), pytest.raises(Overloaded), queue.place():
        pass
    with queue.place(), queue.place():
        pass


def test_a_place_is_given_back_after_a_failure() -> None:
    queue = ForwardQueue(max_waiting=0)
    for _ in range(3):
        with pytest.raises(RuntimeError), queue.place(), queue.turn():
            raise RuntimeError
    with queue.place(), queue.turn():
        pass


def test_turns_come_one_at_a_time_in_the_order_of_asking() -> None:
    queue, asked, done = ForwardQueue(), threading.Semaphore(0), list[int]()

    def ask(number: int) -> None:
        asked.release()
        with queue.turn():
            done.append(number)

    with ThreadPoolExecutor(4) as pool, queue.turn():
        for number in range(4):
            pool.submit(ask, number)
            assert asked.acquire(timeout=PATIENCE_S)
            until(lambda waiting=number + 1: queue.waiting() == waiting)  # type: ignore[misc]  # its default is what the loop has now
        assert done == []
    assert done == [0, 1, 2, 3]


def test_who_waits_too_long_is_refused_and_holds_up_no_one() -> None:
    queue = ForwardQueue(timeout_s=0.01)
    with ThreadPoolExecutor(1) as pool, queue.turn(), pytest.raises(Overloaded):
        pool.submit(lambda: queue.turn().__enter__()).result(PATIENCE_S)
    with queue.turn():
        pass
