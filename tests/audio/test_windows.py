from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.windows import HOP_SAMPLES, MOST, WINDOW_SAMPLES, speech_windows


def ramp(samples: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.arange(samples, dtype=np.float32)


@pytest.mark.parametrize("samples", [0, 1, WINDOW_SAMPLES - 1])
def test_too_little_speech_has_no_window(samples: int) -> None:
    assert speech_windows(ramp(samples)) == []


@pytest.mark.parametrize(
    ("samples", "count"),
    [(WINDOW_SAMPLES, 1), (WINDOW_SAMPLES + HOP_SAMPLES, 2), (4 * WINDOW_SAMPLES, 7), (600 * 16_000, MOST)],
)
def test_windows_reach_from_the_first_sample_to_the_last(samples: int, count: int) -> None:
    windows = speech_windows(ramp(samples))
    assert len(windows) == count
    assert {len(window) for window in windows} == {WINDOW_SAMPLES}
    assert (windows[0][0], windows[-1][-1]) == (0, samples - 1)
    starts = [window[0] for window in windows]
    assert np.ptp(np.diff(starts)) <= 1 if count > 1 else True


def test_silent_windows_are_left_out() -> None:
    speech = ramp(4 * WINDOW_SAMPLES)
    speech[: 2 * WINDOW_SAMPLES] = 0.5
    assert len(speech_windows(speech)) == 7 - 3
