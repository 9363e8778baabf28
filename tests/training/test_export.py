from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch

from recipes.bundled_encoder.student import Student, hyperparams_yaml
from speakerid.encoders.onnx import OnnxEncoder
from speakerid.training import export_onnx
from speakerid.training.errors import ExportParityError, ExportUnsupported
from speakerid.training.export_onnx import export
from speakerid.training.graph import Spectrum, WaveToEmbedding
from speakerid.training.model_directory import fingerprint, write_model
from speakerid.training.toolkit import EncoderClassifier
from tests.encoders.tiny_models import write_ecapa, write_xvector
from tests.training.made_up import TINY, speak

BUNDLED = Path(__file__).parents[2] / "speakerid" / "encoders" / "bundled"


@pytest.fixture
def fixed_seed() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def directory(tmp_path: Path, fixed_seed: None) -> Path:
    """A tiny student with settled batch norms, as the loop would save it."""
    student = Student(TINY).train()
    with torch.no_grad():
        for i in range(3):
            student(torch.from_numpy(np.stack([speak(90 + 30 * j, 1.0, i) for j in range(4)])))
    write_model(tmp_path / "tiny", hyperparams_yaml(TINY), student.embedding_model.state_dict(), {"name": "tiny"})
    return tmp_path / "tiny"


def encode(directory: Path, waves: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    classifier = EncoderClassifier.from_hparams(source=str(directory))
    with torch.inference_mode():
        rows = classifier.encode_batch(torch.from_numpy(waves))[:, 0]
    return np.asarray(torch.nn.functional.normalize(rows).numpy())


def test_the_graph_says_what_it_is(directory: Path, tmp_path: Path) -> None:
    report = export(directory, tmp_path / "m.onnx", name="tiny", trained_on=["made-up voices"])
    facts = {p.key: p.value for p in onnx.load(str(report.path)).metadata_props}
    assert facts["fingerprint"] == fingerprint(directory) == report.fingerprint
    assert json.loads(facts["trained_on"]) == ["made-up voices"]
    assert (facts["name"], facts["dim"], facts["sample_rate_hz"]) == ("tiny", "12", "16000")
    assert report.worst_cosine >= 0.99999
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


@pytest.mark.parametrize("samples", [1600, 5000, 16_000, 47_999])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_batch_and_time_are_free(directory: Path, tmp_path: Path, samples: int, rows: int) -> None:
    path = tmp_path / "m.onnx"
    if not path.exists():
        export(directory, path)
    encoder = OnnxEncoder.load(path)
    waves = np.stack([speak(100 + 30 * i, 3.0, i)[:samples] for i in range(rows)])
    got, expected = encoder.embed(list(waves)), encode(directory, waves)
    assert got.shape == (rows, TINY.dim)
    assert (got * expected).sum(axis=1).min() >= 0.99999


@pytest.mark.parametrize("write", [write_ecapa, write_xvector])
def test_models_laid_out_like_published_ones_are_exported(tmp_path: Path, write: Any) -> None:
    report = export(write(tmp_path / "model"), tmp_path / "m.onnx")
    assert report.dim == 24
    assert report.worst_cosine >= 0.99999


def test_the_shortest_input_works_and_is_sane(directory: Path, tmp_path: Path) -> None:
    report = export(directory, tmp_path / "m.onnx")
    encoder = OnnxEncoder.load(report.path)
    (vector,) = encoder.embed([speak(120, 1.0)[: report.min_samples]])
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_a_graph_that_differs_is_not_kept(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_onnx, "worst_cosine", lambda *_: 0.99)
    out = tmp_path / "m.onnx"
    out.write_bytes(b"the one before")
    with pytest.raises(ExportParityError, match=r"0\.9900000") as caught:
        export(directory, out)
    assert caught.value.code == "export_parity"
    assert out.read_bytes() == b"the one before"


def test_unknown_modules_are_refused_by_name() -> None:
    student = Student(TINY)
    with pytest.raises(ExportUnsupported, match="Linear cannot be exported"):
        WaveToEmbedding(student.compute_features, student.mean_var_norm, torch.nn.Linear(2, 2))


needs_bundled = pytest.mark.skipif(not (BUNDLED / "model.onnx").exists(), reason="no bundled encoder here")


@needs_bundled
def test_plain_speechbrain_loads_the_bundled_directory_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    waves = np.stack([speak(100, 2.0), speak(180, 2.0)])
    encoder = OnnxEncoder.load(BUNDLED / "model.onnx")
    assert (encode(BUNDLED, waves) * encoder.embed(list(waves))).sum(axis=1).min() >= 0.99999
    assert encoder.fingerprint == fingerprint(BUNDLED)
    assert list(tmp_path.iterdir()) == []


@needs_bundled
def test_the_bundled_encoder_keeps_its_limits() -> None:
    assert sum(p.stat().st_size for p in BUNDLED.iterdir()) < 16e6
    weights = torch.load(BUNDLED / "embedding_model.ckpt", weights_only=True)
    assert sum(v.numel() for v in weights.values()) < 6e6


@pytest.mark.parametrize("n_fft", [400, 512])
def test_the_folded_spectrum_has_the_power_of_every_bin(n_fft: int) -> None:
    transform = Spectrum(n_fft)
    x = torch.randn(3, 5, n_fft, generator=torch.Generator().manual_seed(0))
    expected = torch.fft.rfft(x.double()).abs().square().float()
    got = torch.zeros_like(expected).index_add(-1, transform.bins, transform(x).square())
    assert torch.allclose(got, expected, rtol=1e-4, atol=1e-4 * float(expected.max()))
