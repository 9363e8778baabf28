"""Speech in windows of ten seconds."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.decode import decode
from speakerid.audio.long_audio_reader import SEGMENTS
from speakerid.audio.segmentation import FRAMES, WINDOW, VadAlone, frame_at, span_of
from speakerid.audio.vad import SileroVad, VadOptions
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
