from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from speakerid.diarization.resegment import likeliest_path


def test_a_doubtful_window_follows_its_neighbors() -> None:
    llrs = np.array([[5.0, 0.0], [5.0, 0.0], [1.0, 2.0], [5.0, 0.0], [0.0, 6.0], [0.0, 6.0]])
    assert likeliest_path(llrs, 2.0).tolist() == [0, 0, 0, 0, 1, 1]
    assert likeliest_path(llrs, 0.0).tolist() == [0, 0, 1, 0, 1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_no_other_path_is_likelier(seed: int) -> None:
    llrs = np.random.default_rng(seed).normal(0.0, 3.0, (6, 3))

    def worth(path: tuple[int, ...]) -> float:
        changes = sum(a != b for a, b in pairwise(path))
        return float(llrs[np.arange(6), list(path)].sum()) - 2.0 * changes

    best = max(product(range(3), repeat=6), key=worth)
    assert worth(tuple(likeliest_path(llrs, 2.0))) == pytest.approx(worth(best))
