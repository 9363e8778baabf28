from __future__ import annotations

import multiprocessing

import pytest

from benchmarks.peak_memory import PeakGrowth

MIB = 1024 * 1024


def grow() -> float:
    """In a process of its own: others' memory would count."""
    before = bytearray(b"x" * (128 * MIB))
    del before
    growth = PeakGrowth()
    meanwhile = bytearray(b"x" * (32 * MIB))
    del meanwhile
    return growth.mib()


@pytest.mark.slow
def test_what_was_held_before_does_not_count_and_what_was_freed_since_does() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(grow) == pytest.approx(64, abs=34)  # the bytes and what they are copied from
