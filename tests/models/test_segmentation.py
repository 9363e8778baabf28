"""The graph that the weights become, against the same weights in PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from speakerid.audio.segmentation import Segmentation, decided
from speakerid.errors import ConversionFailed
from speakerid.models.catalog import SEGMENTATION
from speakerid.models.segmentation import build_segmentation
from tests.encoders.voices import HIGH, LOW, speak
from tests.models.torch_segmentation import Segmenter, tiny
from tests.models.wheels import saved

TOLERANCE = 1e-4  # of a probability; normalizing over time divides by small deviations


@pytest.fixture(scope="module")
def model() -> Segmenter:
    return tiny()


@pytest.fixture(scope="module")
def segmentation(model: Segmenter, tmp_path_factory: pytest.TempPathFactory) -> Segmentation:
    path = tmp_path_factory.mktemp("segmentation") / "model.onnx"
    path.write_bytes(SEGMENTATION.convert(saved({"format_version": 1, "state_dict": model.state_dict()})))
    return Segmentation.load(path)


@pytest.mark.parametrize(("batch", "seconds", "frames"), [(1, 10.0, 589), (2, 10.0, 589), (3, 2.0, 115)])
def test_agrees_with_pytorch(
    model: Segmenter, segmentation: Segmentation, batch: int, seconds: float, frames: int
) -> None:
    windows = np.stack([speak(LOW if n % 2 else HIGH, seconds, n) for n in range(batch)])
    with torch.inference_mode():
        wanted = model(torch.from_numpy(windows)).numpy()
    found = segmentation.log_probs(windows)
    assert found.shape == (batch, frames, 7)
    np.testing.assert_allclose(np.exp(found), np.exp(wanted), atol=TOLERANCE)
    assert np.exp(found).std(axis=1).max() > 100 * TOLERANCE  # the answer does depend on the frame


def test_other_weights_are_refused() -> None:
    with pytest.raises(ConversionFailed, match="not those of segmentation"):
        build_segmentation({"classifier.bias": np.zeros(7, np.float32)})
    with pytest.raises(ConversionFailed, match="not those of segmentation"):
        SEGMENTATION.convert(saved({"format_version": 2}))


def test_classes_are_sets_of_at_most_two_speakers() -> None:
    certain = np.log(np.eye(7, dtype=np.float32) * 0.93 + 0.01)
    assert decided(certain).tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]]


def test_a_window_of_the_wrong_size_still_gives_a_frame_every_17_ms(segmentation: Segmentation, tmp_path: Path) -> None:
    assert segmentation.log_probs(speak(LOW, 5.0)[np.newaxis]).shape == (1, 293, 7)
