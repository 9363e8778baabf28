from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from speakerid.diarization.windows import WindowOptions, joined, windows

OPTIONS = WindowOptions(length=100, hop=40, shortest=20, longest_pause=30)


def test_short_pauses_do_not_end_a_stretch() -> None:
    assert list(joined([(0, 10), (40, 50), (81, 90)], 30)) == [(0, 50), (81, 90)]
    assert list(joined([], 30)) == []


def test_windows_are_spread_to_both_ends() -> None:
    assert windows([(0, 170)], OPTIONS) == [(0, 100), (35, 135), (70, 170)]


def test_a_short_stretch_is_one_window_and_a_very_short_one_none() -> None:
    assert windows([(5, 60), (100, 119)], OPTIONS) == [(5, 60)]


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(1, 500)), max_size=8))
def test_every_sample_of_a_stretch_is_heard(gaps: list[tuple[int, int]]) -> None:
    at, stretches = 0, []
    for gap, length in gaps:
        stretches.append((at + gap, at + gap + length))
        at += gap + length
    found = windows(stretches, OPTIONS)
    assert found == sorted(found)
    assert all(end - start <= OPTIONS.length for start, end in found)
    heard = {sample for start, end in found for sample in range(start, end)}
    wanted = {s for start, end in stretches if end - start >= OPTIONS.shortest for s in range(start, end)}
    assert heard == wanted
