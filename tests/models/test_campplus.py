"""The graph that the weights become, against the same weights in PyTorch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

from speakerid.errors import ConversionFailed
from speakerid.models.campplus import build_campplus
from speakerid.models.conversion import Array, read_checkpoint
from speakerid.onnx_session import InferenceSession, open_session
from tests.models.torch_campplus import CamPlusPlus, tiny
from tests.models.wheels import saved

TOLERANCE = 2e-5  # float32, where folding sums in another order; values are around 1


@pytest.fixture(scope="module")
def model() -> CamPlusPlus:
    return tiny()


@pytest.fixture(scope="module")
def weights(model: CamPlusPlus) -> Mapping[str, Array]:
    read: Mapping[str, Array] = read_checkpoint(saved(model.state_dict()))
    return read


@pytest.fixture(scope="module")
def session(weights: Mapping[str, Array]) -> InferenceSession:
    return open_session(build_campplus(weights))


# Frames are halved before the masks: 18 is the shortest taken, 200 fills one segment, 202 begins a second of one frame.
@pytest.mark.parametrize(("batch", "frames"), [(1, 18), (2, 98), (3, 200), (1, 202), (2, 298), (1, 2_998)])
def test_agrees_with_pytorch_for_every_length_and_batch(
    model: CamPlusPlus, session: InferenceSession, batch: int, frames: int
) -> None:
    feats = 3 * np.random.default_rng(frames).standard_normal((batch, frames, 80)).astype(np.float32)
    with torch.inference_mode():
        wanted = model(torch.from_numpy(feats)).numpy()
    found = session.run(None, {"feats": feats})[0]
    assert found.shape == (batch, 12)
    np.testing.assert_allclose(found, wanted, atol=TOLERANCE * max(1, np.abs(wanted).max()))


def test_gains_of_either_sign_were_folded(weights: Mapping[str, Array]) -> None:
    """The comparison above is worth less if no gain is negative: they are clamped from the other side."""
    gains = np.concatenate([values for name, values in weights.items() if name.endswith("batchnorm.weight")])
    assert (gains < 0).any()
    assert (gains > 0).any()


def test_the_same_weights_give_the_same_bytes(weights: Mapping[str, Array]) -> None:
    assert build_campplus(weights) == build_campplus(dict(reversed(list(weights.items()))))


def test_other_weights_are_refused(weights: Mapping[str, Array]) -> None:
    missing = {name: values for name, values in weights.items() if name != "xvector.dense.linear.weight"}
    with pytest.raises(ConversionFailed, match=r"not those of CAM\+\+.*dense"):
        build_campplus(missing)


def test_converting_needs_no_torch(tmp_path: Path, model: CamPlusPlus) -> None:
    (tmp_path / "weights.pt").write_bytes(saved(model.state_dict()))
    code = (
        "import sys, pathlib; from speakerid.models.catalog import convert_campplus\n"
        f"convert_campplus(pathlib.Path({str(tmp_path / 'weights.pt')!r}).read_bytes())\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
