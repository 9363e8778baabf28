from __future__ import annotations

import numpy as np
import pytest

from speakerid.audio.decode import decode
from speakerid.audio.overlap import FRAME_SAMPLES, FRAMES, HEARD
from speakerid.audio.vad import SileroVad
from speakerid.training.overlap.mixtures import LOUDNESS, Mixer, MixtureOptions, Utterance, utterance
from tests.sampled import ADA, probe

LOUD = MixtureOptions(level_db=0.0, room=0.0)
PITCHES_HZ = (200, 330, 470)


def tone(pitch_hz: int) -> Utterance:
    """A voice that never pauses, and that its pitch tells from others."""
    wave = np.sin(2 * np.pi * pitch_hz * np.arange(6 * 16_000) / 16_000)
    return Utterance((0.1 * wave).astype(np.float32), np.ones(len(wave), np.bool_))


def voices_heard(samples: np.ndarray) -> np.ndarray:
    """`(FRAMES,)`: how many of the pitches every frame has."""
    frames = samples.reshape(FRAMES, FRAME_SAMPLES)
    spectra = np.abs(np.fft.rfft(frames * np.hanning(FRAME_SAMPLES), 3_200, axis=1))  # 5 Hz a bin
    return np.asarray((spectra[:, [pitch // 5 for pitch in PITCHES_HZ]] > 3.0).sum(axis=1))


def test_the_labels_say_how_many_are_heard() -> None:
    samples, labels = Mixer([tone(one) for one in PITCHES_HZ], [], LOUD).batch(40, np.random.default_rng(0))
    assert samples.shape == (40, HEARD)
    assert labels.shape == (40, FRAMES)
    assert set(np.unique(labels)) == {0, 1, 2}
    inner = np.ones((40, FRAMES), np.bool_)  # frames in which somebody begins or ends may be heard either way
    inner[:, 1:] &= labels[:, 1:] == labels[:, :-1]
    inner[:, :-1] &= labels[:, :-1] == labels[:, 1:]
    heard = np.stack([np.minimum(voices_heard(one), 2) for one in samples])
    assert (heard[inner] == labels[inner]).mean() > 0.85  # two speakers of one conversation may share a voice


def test_one_speaker_never_overlaps() -> None:
    mixer = Mixer([tone(200)], [], MixtureOptions(speakers=(1.0,), room=0.0))
    assert mixer.batch(20, np.random.default_rng(1))[1].max() == 1


def test_the_same_seed_makes_the_same_conversations() -> None:
    mixer = Mixer([tone(one) for one in PITCHES_HZ], [np.ones(10, np.float32)])
    (one, labels), (other, _) = (mixer.batch(4, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, mixer.batch(4, np.random.default_rng(4))[0])
    assert labels.dtype == np.int64


def test_an_utterance_knows_where_it_speaks_and_how_loud() -> None:
    voice = decode(probe(ADA))
    found = utterance(np.concatenate([np.zeros(16_000, np.float32), voice * 0.01]), SileroVad())
    assert found is not None
    assert not found.speaks[:8_000].any()
    assert found.speaks[20_000:].mean() > 0.5
    assert np.sqrt(np.mean(found.samples[found.speaks] ** 2)) == pytest.approx(LOUDNESS, rel=0.01)
    assert utterance(np.zeros(16_000, np.float32), SileroVad()) is None
