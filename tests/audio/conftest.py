"""Voices for the audio tests: a synthetic one that needs no files, and real speech where it is present."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speakerid.audio.decode import decode
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.types import FloatArray
from tests.audio.voice import RATE_HZ, synthetic_voice


@pytest.fixture(scope="session")
def voice() -> FloatArray:
    """(n,) two seconds at 48 kHz, below 3.4 kHz so that every format and rate can carry it."""
    return synthetic_voice(2.0, RATE_HZ)


@pytest.fixture(scope="session")
def vad() -> SileroVad:
    return SileroVad()


@pytest.fixture(scope="session")
def readings(speech_root: Path) -> list[FloatArray]:
    """The first eight seconds of eight LibriSpeech readers, at 16 kHz."""
    paths = sorted(speech_root.glob("librispeech/train/*/*.flac"))[::32]
    return [decode(path.read_bytes())[: 8 * SAMPLE_RATE_HZ] for path in paths]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240)
