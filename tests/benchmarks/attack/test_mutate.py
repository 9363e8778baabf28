"""Damaged files differ from whole ones, and are the same in every run."""

from __future__ import annotations

import random

import pytest

from benchmarks.attack.mutate import DAMAGES, damaged
from benchmarks.attack.speech import container

FORMATS = ("wav-s16", "webm-opus", "m4a-fragments", "ogg-opus")


@pytest.mark.parametrize("name", FORMATS)
def test_damage_is_done_and_can_be_done_again(name: str) -> None:
    whole, others = container(name), [container(one) for one in FORMATS]
    files = [damaged(random.Random(seed), whole, others) for seed in range(50)]
    assert files == [damaged(random.Random(seed), whole, others) for seed in range(50)]
    assert sum(one != whole for one in files) > 45
    assert all(files)


@pytest.mark.parametrize("damage", sorted({one.__name__ for one in DAMAGES}))
def test_each_damage_takes_files_of_every_kind(damage: str) -> None:
    (do,) = {one for one in DAMAGES if one.__name__ == damage}
    others = [container(name) for name in FORMATS]
    for seed in range(20):
        for whole in (*others, b"\x00", b"not audio at all"):
            data = bytearray(whole)
            do(random.Random(seed), data, others)
            assert len(data) <= 2 * len(whole) + max(map(len, others)) + 400 * 50
