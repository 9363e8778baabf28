"""Speech in windows of ten seconds."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.decode import decode
from speakerid.audio.long_audio_reader import SEGMENTS
from speakerid.audio.segmentation import FRAMES, WINDOW, Segmentation, VadAlone, frame_at, span_of
from speakerid.audio.vad import SileroVad, VadOptions
from speakerid.types import FloatArray
from tests.sampled import ADA, probe


def test_frames_and_samples_agree() -> None:
    start, end = span_of(10, 20)
    assert (frame_at(start), frame_at(end)) == (10, 20)
    assert frame_at(0) in (-1, 0)
    assert span_of(0, FRAMES)[1] <= WINDOW <= span_of(0, FRAMES + 3)[1]


def test_vad_alone_finds_speech_but_not_whose() -> None:
    voice = decode(probe(ADA))[:64_000]
    window = np.zeros((2, WINDOW), np.float32)
    window[1, 48_000 : 48_000 + len(voice)] = voice
    found = VadAlone(SileroVad(VadOptions(SEGMENTS)), SEGMENTS).speaking(window)
    assert found.shape == (2, FRAMES, 1)
    assert found[0].sum() == 0.0
    speech = np.flatnonzero(found[1, :, 0])
    assert span_of(int(speech[0]), int(speech[-1]) + 1) == pytest.approx((48_000, 48_000 + len(voice)), abs=8_000)


class TwoAlways:
    """A session that finds two speakers everywhere, and counts its windows."""

    def __init__(self) -> None:
        self.windows = 0

    def run(self, _names: None, inputs: dict[str, FloatArray]) -> list[FloatArray]:
        self.windows += len(inputs["wav"])
        found = np.full((len(inputs["wav"]), FRAMES, 7), -9.0, np.float32)
        found[..., 4] = 0.0
        return [found]


def test_digital_silence_is_not_gone_through() -> None:
    session = TwoAlways()
    windows = np.zeros((3, WINDOW), np.float32)
    windows[1, 5] = 1e-4
    found = Segmentation(session).speaking(windows)
    assert (session.windows, found.sum(axis=(1, 2)).tolist()) == (1, [0.0, 2.0 * FRAMES, 0.0])
    assert Segmentation(session).speaking(windows[::2]).shape == (2, FRAMES, 3)
    assert session.windows == 1
