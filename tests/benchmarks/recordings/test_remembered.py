from __future__ import annotations

from contextlib import closing
from typing import ClassVar

import numpy as np

from benchmarks.recordings.remembered import RememberingBatcher, RememberingSegmenter
from speakerid.audio.segmentation import FRAMES, WINDOW
from speakerid.encoders.batching import Batcher
from speakerid.encoders.fake import FakeEncoder
from speakerid.types import FloatArray


class Counting:
    speakers: ClassVar[int] = 3

    def __init__(self) -> None:
        self.calls = 0

    def speaking(self, windows: FloatArray) -> FloatArray:
        self.calls += 1
        return np.full((len(windows), FRAMES, 3), self.calls, np.float32)


def test_what_was_embedded_before_is_remembered() -> None:
    random = np.random.default_rng(0)
    first, second = (random.standard_normal(16_000).astype(np.float32) for _ in range(2))
    with closing(Batcher(FakeEncoder())) as encoder, closing(RememberingBatcher(encoder)) as remembering:
        wanted = encoder.embed([first, second])
        np.testing.assert_allclose(remembering.embed([first]), wanted[:1], atol=1e-6)
        encoder.close()
        np.testing.assert_allclose(remembering.embed([first, first]), wanted[[0, 0]], atol=1e-6)


def test_a_window_is_segmented_once() -> None:
    inner = Counting()
    segmenter = RememberingSegmenter(inner)
    windows = np.zeros((2, WINDOW), np.float32)
    assert np.array_equal(segmenter.speaking(windows), segmenter.speaking(windows.copy()))
    assert (inner.calls, segmenter.speakers) == (1, 3)
    segmenter.speaking(windows + 1.0)
    assert inner.calls == 2
