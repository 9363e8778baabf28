"""Tiny models with random weights, written the way published ones are laid out."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from speakerid.encoders.card import SEAL_KEY, UNSEALED, seal
from speakerid.encoders.speechbrain_import import ensure_torchaudio, forget_redirects
from tests.encoders.voices import HIGH, LOW, speak

ensure_torchaudio()

from speechbrain.lobes.features import Fbank  # noqa: E402  # after the stand-in
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN  # noqa: E402  # after the stand-in
from speechbrain.lobes.models.Xvector import Xvector  # noqa: E402  # after the stand-in

from speakerid.training.export_onnx import export as export  # noqa: E402  # after the stand-in

forget_redirects()

# As in the published YAML files: the weights are named on the hub, though they lie in the same directory.
HYPERPARAMS = """\
pretrained_path: nobody/{name}
sample_rate: 16000
n_mels: {mels}
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: !ref <n_mels>
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: False
embedding_model: !new:{model}
{arguments}
modules:
    compute_features: !ref <compute_features>
    mean_var_norm: !ref <mean_var_norm>
    embedding_model: !ref <embedding_model>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
    paths:
        embedding_model: !ref <pretrained_path>/embedding_model.ckpt
"""
ECAPA_ARGUMENTS = """\
    input_size: !ref <n_mels>
    channels: [16, 16, 16, 16, 48]
    kernel_sizes: [5, 3, 3, 3, 1]
    dilations: [1, 2, 3, 4, 1]
    attention_channels: 8
    se_channels: 8
    lin_neurons: 24
"""
XVECTOR_ARGUMENTS = """\
    in_channels: !ref <n_mels>
    tdnn_channels: [16, 16, 16, 16, 48]
    lin_neurons: 24
"""


def write_ecapa(directory: Path) -> Path:
    """An 80-mel ECAPA-TDNN with 24-dim embeddings."""
    name = "speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN"
    return _write(directory, _ecapa(), HYPERPARAMS.format(name="ecapa", mels=80, model=name, arguments=ECAPA_ARGUMENTS))


@functools.cache
def _ecapa() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model: torch.nn.Module = ECAPA_TDNN(
            80, channels=[16, 16, 16, 16, 48], attention_channels=8, se_channels=8, lin_neurons=24
        )
        _settle(model, 80)
    return model


def write_xvector(directory: Path) -> Path:
    """A 24-mel x-vector with 24-dim embeddings."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = Xvector(in_channels=24, tdnn_channels=[16, 16, 16, 16, 48], lin_neurons=24)
        _settle(model, 24)
    name = "speechbrain.lobes.models.Xvector.Xvector"
    return _write(directory, model, HYPERPARAMS.format(name="xvect", mels=24, model=name, arguments=XVECTOR_ARGUMENTS))


def _settle(model: torch.nn.Module, mels: int) -> None:
    """Set the batch-norm statistics from two voices: without them every embedding points the same way."""
    waveforms = torch.stack([torch.from_numpy(speak(voice, 1.0, seed)) for voice in (LOW, HIGH) for seed in range(4)])
    features = Fbank(n_mels=mels)(waveforms)
    with torch.no_grad():
        for _ in range(30):
            model(features - features.mean(dim=1, keepdim=True))


def _write(directory: Path, model: torch.nn.Module, hyperparams: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "hyperparams.yaml").write_text(hyperparams)
    torch.save(model.state_dict(), directory / "embedding_model.ckpt")
    return directory


def write_waveform_graph(path: Path) -> Path:
    """wav (batch, samples) -> embedding (batch, 24): one convolution, its mean magnitude, a projection."""
    filters = np.random.default_rng(3).standard_normal((32, 1, 400)).astype(np.float32)
    nodes = [
        helper.make_node("Unsqueeze", ["wav", "axis"], ["channel"]),
        helper.make_node("Conv", ["channel", "filters"], ["filtered"], strides=[160]),
        helper.make_node("Abs", ["filtered"], ["magnitude"]),
        helper.make_node("ReduceMean", ["magnitude", "time"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "projection"], ["embedding"]),
    ]
    weights = {"axis": np.array([1]), "time": np.array([2]), "filters": filters, "projection": _projection(32)}
    model = _model("wav", ["batch", "samples"], nodes, weights)
    facts = {"fingerprint": "ab" * 32, "name": "tiny", "dim": "24", "sample_rate_hz": "16000", "min_samples": "1600"}
    helper.set_model_props(model, {**facts, "trained_on": json.dumps(["nothing"]), SEAL_KEY: UNSEALED})
    path.write_bytes(seal(model.SerializeToString()))
    return path


def write_fbank_graph(path: Path) -> Path:
    """feats (batch, frames, 80) -> embedding (batch, 24), as third-party files have it; without a card."""
    nodes = [
        helper.make_node("Abs", ["feats"], ["magnitude"]),
        helper.make_node("ReduceMean", ["magnitude", "time"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "projection"], ["embedding"]),
    ]
    onnx.save(
        _model("feats", ["batch", "frames", 80], nodes, {"time": np.array([1]), "projection": _projection(80)}), path
    )
    return path


def _projection(rows: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(4).standard_normal((rows, 24)).astype(np.float32)


def _model(
    name: str, shape: list[str | int], nodes: list[onnx.NodeProto], weights: Mapping[str, object]
) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 24])]
    initializers = [numpy_helper.from_array(np.asarray(value), key) for key, value in weights.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
