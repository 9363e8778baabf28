"""CPU time of one embedding of three seconds, one thread, the encoders taking turns.

    python -m benchmarks.encoder_speed

The last one is CAM++ as PyTorch's own exporter writes it, in float32, behind the same front end: what the graph of
`speakerid models fetch` stands beside. Its weights are random, which takes no other time.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.bootstrap import load_encoder
from speakerid.encoders.base import Encoder
from speakerid.encoders.card import Card
from speakerid.encoders.fbank import MELS
from speakerid.encoders.onnx import OnnxEncoder
from speakerid.models.parity import signal
from speakerid.onnx_session import open_session
from speakerid.types import FloatArray
from tests.models.torch_campplus import CamPlusPlus

NAMES = ("campplus+ecapa-mini", "campplus", "ecapa-mini")
BASIS = "campplus as exported"
SECONDS = 3.0
FRAMES = 298  # of SECONDS: every 10 ms, 25 ms long
TURNS, WARM_UP = 40, 5
OPSET = 17

Times = Mapping[str, Sequence[float]]  # ms


def exported() -> OnnxEncoder:
    """For SECONDS only."""
    feats = torch.zeros(1, FRAMES, MELS)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter warns of itself, and of frames that it takes for fixed
        graph = Path(folder, "model.onnx")
        torch.onnx.export(CamPlusPlus().eval(), (feats,), str(graph), dynamo=False, opset_version=OPSET)
        session = open_session(graph)
    card = Card(front_end="kaldi_fbank_80")
    return OnnxEncoder(BASIS, "", 192, SAMPLE_RATE_HZ, int(SECONDS * SAMPLE_RATE_HZ), (), card, session)


def measure(encoders: Mapping[str, Encoder], wave: FloatArray, turns: int) -> Times:
    """All meet the same load, and find their weights pushed out of the caches."""
    rows = [[_cpu_ms(encoder, wave) for encoder in encoders.values()] for _ in range(turns + WARM_UP)]
    return dict(zip(encoders, np.transpose(rows)[:, WARM_UP:].tolist(), strict=True))


def report(times: Times) -> Iterator[str]:
    """Markdown, the slowest first."""
    medians = {name: float(np.median(values)) for name, values in times.items()}
    yield f"| encoder, {SECONDS:g} s | median CPU ms | beside {BASIS} |"
    yield "|---|---|---|"
    for name, ms in sorted(medians.items(), key=lambda one: -one[1]):
        yield f"| {name} | {ms:.1f} | {ms / medians[BASIS]:.2f} |"


def _cpu_ms(encoder: Encoder, wave: FloatArray) -> float:
    began = time.process_time()
    encoder.embed([wave])
    return 1000.0 * (time.process_time() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=TURNS)
    options = parser.parse_args()
    encoders = {name: load_encoder(name) for name in NAMES} | {BASIS: exported()}
    sys.stdout.writelines(f"{line}\n" for line in report(measure(encoders, signal(SECONDS), options.turns)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
