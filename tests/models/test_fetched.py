"""The real models, where this machine has them; skipped elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speakerid.audio.segmentation import WINDOW_S, Segmentation, decided
from speakerid.bootstrap import load_encoder, load_fitted
from speakerid.models.catalog import CAMPPLUS, CATALOG, SEGMENTATION, Model
from speakerid.models.parity import signal
from speakerid.settings import Settings


@pytest.mark.parametrize("model", CATALOG, ids=lambda model: model.name)
def test_answers_what_the_published_model_answers(fetched_models: Path, model: Model) -> None:
    model.check(model.graph(fetched_models))


def test_another_signal_is_another_answer(fetched_models: Path) -> None:
    """The comparison above can fail: halves of the signal are further apart than it tolerates."""
    encoder = load_encoder("campplus", Settings(models=fetched_models))
    first, second = encoder.embed([signal(3.0)[:24_000], signal(3.0)[24_000:]])
    assert 1 - first @ second > 1e-2


@pytest.mark.parametrize("gain", [0.01, 0.1, 0.3, 3.0])
def test_the_level_does_not_matter(fetched_models: Path, gain: float) -> None:
    encoder = load_encoder("default", Settings(models=fetched_models))
    plain, other = encoder.embed([signal(3.0), np.float32(gain) * signal(3.0)])
    assert plain @ other > 0.9999


def test_the_default_decides_at_once(fetched_models: Path) -> None:
    settings = Settings(models=fetched_models)
    encoder = load_encoder("default", settings)
    assert encoder.name == "campplus+ecapa-mini"
    assert not load_fitted(encoder, settings).calibration.is_generic


def test_segmentation_finds_both_speakers_and_the_pauses(fetched_models: Path) -> None:
    log_probs = Segmentation.load(SEGMENTATION.graph(fetched_models)).log_probs(signal(WINDOW_S)[np.newaxis])
    assert log_probs.shape == (1, 589, 7)
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=-1), 1.0, atol=1e-5)
    voices = decided(log_probs)[0].sum(axis=-1)
    assert set(np.unique(voices)) >= {0.0, 1.0}


def test_catalog_sizes_are_those_of_the_files(fetched_models: Path) -> None:
    for model in (CAMPPLUS, SEGMENTATION):
        assert model.graph(fetched_models).stat().st_size == model.size_bytes
