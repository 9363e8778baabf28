"""A recording as blocks, with a segmenter that reads levels: 0.5 is one speaker, 0.25 another, 0.75 both."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from speakerid.audio.segmentation import FRAME_STEP, FRAMES, WINDOW, span_of
from speakerid.diarization.reading import SegmentedBlock, blocks
from speakerid.types import FloatArray, Span

SECOND = 16_000
TOLERANCE = 2 * FRAME_STEP


class Levels:
    speakers: ClassVar[int] = 2

    def __init__(self) -> None:
        self.windows = 0

    def speaking(self, windows: FloatArray) -> FloatArray:
        assert windows.shape[1] == WINDOW
        self.windows += len(windows)
        middles = [sum(span_of(frame, frame + 1)) // 2 for frame in range(FRAMES)]
        levels = windows[:, middles]
        return np.stack([(levels > 0.4), (np.abs(levels - 0.5) > 0.2) & (levels > 0.0)], axis=2).astype(np.float32)


def talk(seconds: float, *stretches: tuple[float, float, float]) -> FloatArray:
    """`stretches`: level, start and end in seconds."""
    samples = np.zeros(int(seconds * SECOND), np.float32)
    for level, start, end in stretches:
        samples[int(start * SECOND) : int(end * SECOND)] += level
    return samples


def spans_of(found: list[SegmentedBlock]) -> list[Span]:
    return sorted(span for block in found for one in block.segments for span in one.spans)


@pytest.mark.parametrize("seconds", [0.02, 1.0, 9.99, 10.0, 10.01, 14.985, 15.0, 20.0, 61.3])
@pytest.mark.parametrize("piece", [1_000, 100_000])
def test_blocks_are_the_recording(seconds: float, piece: int) -> None:
    samples = talk(seconds, (0.5, 0.0, seconds))
    segmenter = Levels()
    found = list(blocks(np.split(samples, range(piece, len(samples), piece)), segmenter))
    assert np.array_equal(np.concatenate([one.samples for one in found]), samples)
    assert [one.start for one in found] == np.cumsum([0, *(len(one.samples) for one in found[:-1])]).tolist()
    assert segmenter.windows == max(int(np.ceil((len(samples) - WINDOW) / (WINDOW / 2 - 80))), 0) + 1
    if seconds > 1.0:
        ends = spans_of(found)
        assert abs(ends[0][0]) <= 2 * TOLERANCE
        assert abs(ends[-1][1] - len(samples)) <= 2 * TOLERANCE


def test_who_speaks_is_found_where_they_speak() -> None:
    samples = talk(30.0, (0.5, 2.0, 3.5), (0.25, 3.0, 4.0), (0.25, 21.0, 22.0))
    found = [one for block in blocks([samples], Levels()) for one in block.segments]
    assert [(round(one.start / SECOND, 1), round(one.end / SECOND, 1)) for one in found] == [
        (2.0, 3.5),
        (3.0, 4.0),
        (21.0, 22.0),
    ]
    assert found[0].speaker != found[1].speaker


def test_a_block_cuts_the_samples_of_its_segments() -> None:
    samples = talk(40.0, (0.5, 31.0, 32.0))
    (stretches,) = [block.cut(one.alone) for block in blocks([samples], Levels()) for one in block.segments]
    assert len(stretches) == pytest.approx(SECOND, abs=TOLERANCE)
    assert (stretches == 0.5).mean() > 0.95


def test_nothing_is_no_block() -> None:
    assert list(blocks([], Levels())) == []


def test_memory_does_not_grow_with_the_recording() -> None:
    longest = max(len(one.samples) for one in blocks((talk(1.0, (0.5, 0.0, 1.0)) for _ in range(120)), Levels()))
    assert longest <= 3 * WINDOW
