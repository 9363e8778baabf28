"""The cohort as it is made: every recording as it is, in noise and over the telephone."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid import samples
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import CohortInvalid
from speakerid.evaluation.cohort import SNR_DB, in_noise, make
from speakerid.types import FloatArray


def snr_db(clean: FloatArray, heard: FloatArray) -> float:
    return float(10 * np.log10(np.mean(np.square(clean)) / np.mean(np.square(heard - clean))))


def test_every_recording_is_heard_three_ways() -> None:
    files = [voice.enroll[0] for voice in samples.voices().values()]
    made = make(FakeEncoder(), files, "sample voices")
    assert [one.voices for one in made.parts] == [len(files)] * 3
    clean, noisy, telephone = made.parts
    assert noisy.snr_db < 20.0 < clean.snr_db
    assert telephone.bandwidth_hz <= 4_000 < clean.bandwidth_hz
    assert len(np.unique(made.embeddings.round(3), axis=0)) == 3 * len(files)


def test_recorded_noise_is_in_every_other_recording() -> None:
    random = np.random.default_rng(0)
    voice = random.standard_normal(16_000).astype(np.float32)
    tone = np.sin(np.arange(8_000) / 3.0).astype(np.float32)
    for seed in range(6):
        heard = in_noise([tone])(voice, seed)
        assert SNR_DB[0] - 0.1 <= snr_db(voice, heard) <= SNR_DB[1] + 0.1
        spectrum = np.abs(np.fft.rfft(heard - voice)) ** 2
        pure = spectrum.max() > 0.4 * spectrum.sum()
        assert pure == bool(seed % 2)
        np.testing.assert_array_equal(heard, in_noise([tone])(voice, seed))


def test_nobody_speaks_long_enough() -> None:
    with pytest.raises(CohortInvalid):
        make(FakeEncoder(), [], "nothing")
