"""Long speech is embedded in part, from its beginning to its end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speakerid.audio.excerpt import LONGEST, PIECES, excerpt


@pytest.mark.parametrize("samples", [0, 1, LONGEST])
def test_what_is_short_enough_stays_whole(samples: int) -> None:
    speech = np.arange(samples, dtype=np.float32)
    assert excerpt(speech) is speech


@settings(deadline=None)  # the longest speech takes a busy machine more than hypothesis allows
@given(st.integers(1, 20 * LONGEST))
def test_the_rest_is_spread_evenly_and_nothing_comes_twice(more: int) -> None:
    speech = np.arange(LONGEST + more, dtype=np.float64)
    found = excerpt(speech)  # type: ignore[arg-type]  # float32 could not count that far
    assert len(found) == LONGEST
    assert (found[0], found[-1]) == (0, len(speech) - 1)
    gaps = np.diff(found)
    assert gaps.min() == 1
    assert np.sum(gaps > 1) <= PIECES - 1
    assert np.ptp(np.sort(gaps)[1 - PIECES :]) <= 1
