"""What every Encoder must do, whatever runs underneath."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from speakerid.encoders.base import Encoder, label
from speakerid.encoders.registry import BUNDLED, load_encoder
from speakerid.errors import EncoderInputInvalid
from speakerid.types import FloatArray
from tests.encoders.voices import HIGH, LOW, RATE_HZ, speak, with_gaps

BATCH_TOLERANCE = 1e-4  # cosine distance; float32 sums in another order give about 1e-6, padding gives 4e-2
MIXED = [
    speak(LOW, 2.0, 1),
    speak(HIGH, 1.3, 2),
    np.float32(0.01) * speak(HIGH, 2.0, 3),  # equal in length to the first, 40 dB quieter: must not share its floor
    speak(LOW, 0.7, 4),
    speak(HIGH, 2.0, 5),
]


def cosine_distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """Row by row; both L2-normalized."""
    distances: FloatArray = 1 - np.einsum("nd,nd->n", a, b)
    return distances


def test_says_what_it_is(encoder: Encoder) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", encoder.fingerprint)
    assert label(encoder) == f"{encoder.name}@{encoder.fingerprint[:12]}"
    assert encoder.sample_rate_hz == RATE_HZ
    assert isinstance(encoder.trained_on, tuple)
    assert 0 < encoder.min_samples <= RATE_HZ


def test_rows_are_float32_unit_vectors(encoder: Encoder) -> None:
    rows = encoder.embed(MIXED)
    assert rows.shape == (len(MIXED), encoder.dim)
    assert rows.dtype.name == "float32"
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-6)


def test_nothing_gives_nothing(encoder: Encoder) -> None:
    assert encoder.embed([]).shape == (0, encoder.dim)


def test_batch_equals_single_in_order(encoder: Encoder) -> None:
    together = encoder.embed(MIXED)
    alone = np.concatenate([encoder.embed([waveform]) for waveform in MIXED])
    assert cosine_distances(together, alone).max() < BATCH_TOLERANCE
    assert cosine_distances(together, encoder.embed(MIXED[::-1])[::-1]).max() < BATCH_TOLERANCE


def test_different_voices_give_different_embeddings(encoder: Encoder) -> None:
    """The tolerance above is not as large as the signal."""
    low, high = encoder.embed([MIXED[0], MIXED[4]])
    assert 1 - low @ high > 10 * BATCH_TOLERANCE


@pytest.mark.parametrize("gain", [0.1, 5.0])
def test_the_level_of_a_recording_does_not_matter(encoder: Encoder, gain: float) -> None:
    voices = [speak(LOW, 2.0, 1), speak(HIGH, 1.3, 2)]
    changed = encoder.embed([voice * np.float32(gain) for voice in voices])
    assert cosine_distances(changed, encoder.embed(voices)).max() < 0.02  # as much as an offset or rumble may change


def test_the_shortest_waveform_is_embedded_and_a_shorter_one_refused(encoder: Encoder) -> None:
    shortest = speak(LOW, 2.0)[: encoder.min_samples]
    assert encoder.embed([shortest]).shape == (1, encoder.dim)
    with pytest.raises(EncoderInputInvalid, match=f"Waveform 1 has {encoder.min_samples - 1} samples"):
        encoder.embed([shortest, shortest[:-1]])


@pytest.mark.parametrize(
    ("value", "reason"), [(np.nan, "not numbers"), (np.inf, "not numbers"), (-np.inf, "not numbers")]
)
def test_broken_samples_are_refused(encoder: Encoder, value: float, reason: str) -> None:
    broken = speak(LOW, 1.0)
    broken[5_000] = value
    with pytest.raises(EncoderInputInvalid, match=f"Waveform 1 .*{reason}"):
        encoder.embed([MIXED[0], broken])


@pytest.mark.parametrize("level", [0.0, 0.25])
def test_silence_and_constants_are_refused(encoder: Encoder, level: float) -> None:
    with pytest.raises(EncoderInputInvalid, match="Waveform 0 is digital silence"):
        encoder.embed([np.full(RATE_HZ, level, np.float32)])


@pytest.mark.parametrize(
    "waveform", [np.ones((1, RATE_HZ), np.float32), speak(LOW, 1.0).astype(np.float64), np.arange(RATE_HZ)]
)
def test_other_shapes_and_types_are_refused(encoder: Encoder, waveform: FloatArray) -> None:
    with pytest.raises(EncoderInputInvalid, match="Send 1-D float32"):
        encoder.embed([waveform])


def test_eight_threads_get_what_one_gets(encoder: Encoder) -> None:
    want = encoder.embed(MIXED)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: encoder.embed(MIXED), range(16)))
    assert all(cosine_distances(rows, want).max() < BATCH_TOLERANCE for rows in answers)


def test_forty_seconds_are_two_windows(encoder: Encoder) -> None:
    long = speak(LOW, 40.0)
    halves = encoder.embed([long[: 20 * RATE_HZ], long[20 * RATE_HZ :]]).mean(axis=0, keepdims=True)
    want = halves / np.linalg.norm(halves)
    assert cosine_distances(encoder.embed([long]), want).max() < BATCH_TOLERANCE


def test_a_silent_window_does_not_count(encoder: Encoder) -> None:
    sound = speak(LOW, 20.0)
    padded = np.concatenate([sound, np.zeros_like(sound)])
    assert cosine_distances(encoder.embed([padded]), encoder.embed([sound])).max() < BATCH_TOLERANCE


def test_the_input_is_left_alone(encoder: Encoder) -> None:
    sound = speak(LOW, 1.0)
    sound.flags.writeable = False
    assert encoder.embed([sound]).shape == (1, encoder.dim)


def test_onnx_equals_speechbrain(exported_pair: tuple[Encoder, Encoder]) -> None:
    speechbrain, onnx = exported_pair
    assert cosine_distances(onnx.embed(MIXED), speechbrain.embed(MIXED)).max() < 1e-5
    assert onnx.fingerprint == speechbrain.fingerprint


@pytest.mark.skipif(not BUNDLED.is_file(), reason="there is no bundled encoder")
def test_digital_silence_between_words_does_not_make_two_voices_one() -> None:
    """Features of exact silence can drown a voice; without gaps these two voices are far apart."""
    low, high = load_encoder("bundled").embed([with_gaps(speak(LOW, 4.0, 1)), with_gaps(speak(HIGH, 4.0, 2))])
    assert low @ high < 0.8
