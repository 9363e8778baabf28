"""An int8 copy of an exported encoder for processors with VNNI or AMX: static ranges, one scale per output channel.

    python -m recipes.bundled_encoder.quantize --model model.onnx --speech DIR --out model.int8.onnx

Only the large convolutions of ECAPA-TDNN are quantized. The front end, the gates and the pooling stay float32: they are
quick and decide the range of everything after them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from speakerid.encoders.onnx import OnnxEncoder
from speakerid.encoders.seal import KEY
from speakerid.training.console import say
from speakerid.training.data import SAMPLE_RATE_HZ, Samples, Source, list_unlabeled, load_speech
from speakerid.training.errors import ExportUnsupported

FLOAT_PARTS = ("/features/", "squeeze", "excite", "/model/last/", "/model/pool/Conv_1")


@dataclass(frozen=True)
class QuantizeReport:
    path: Path
    fingerprint: str
    size_bytes: int
    mean_cosine: float  # to the float32 graph, on the ranging speech
    worst_cosine: float


def quantize(source: Path, out: Path, speech: Sequence[Samples]) -> QuantizeReport:
    """Writes `out` from the exported `source`. `speech` sets the ranges: some 60 crops of 3 s from the training data.

    The copy has a fingerprint of its own: its vectors are close to the float32 ones, not equal.
    """
    facts = {p.key: p.value for p in onnx.load(str(source)).metadata_props}
    if "name" not in facts:
        raise ExportUnsupported(f"{source} is not a graph that export() wrote.")
    with TemporaryDirectory() as folder:
        prepared, quantized = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(quantized),
            _Ranging(speech),
            quant_format=QuantFormat.QOperator,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,  # processors without VNNI add two products in 16 bits, which 8 bits by 8 overflow
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_float_nodes(prepared),
        )
        model = onnx.load(str(quantized))
    own = {name: fact for name, fact in facts.items() if name not in ("fingerprint", KEY)}
    onnx.helper.set_model_props(model, own | {"name": facts["name"] + "-int8"})
    onnx.save(model, str(out))
    cosines = _cosines(source, out, speech)
    return QuantizeReport(
        out, OnnxEncoder.load(out).fingerprint, out.stat().st_size, float(cosines.mean()), float(cosines.min())
    )


def _float_nodes(path: Path) -> list[str]:
    nodes = onnx.load(str(path)).graph.node
    return [n.name for n in nodes if n.op_type == "Conv" and any(part in n.name for part in FLOAT_PARTS)]


def _cosines(source: Path, out: Path, speech: Sequence[Samples]) -> np.typing.NDArray[np.float32]:
    exact, close = OnnxEncoder.load(source).embed(speech), OnnxEncoder.load(out).embed(speech)
    return np.asarray((exact * close).sum(axis=1))


class _Ranging(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Hands the speech to the quantizer, one row at a time."""

    def __init__(self, speech: Sequence[Samples]) -> None:
        self._rest: Iterator[dict[str, Samples]] = iter([{"wav": wave[None]} for wave in speech])

    def get_next(self) -> dict[str, Samples] | None:
        return next(self._rest, None)


def ranging_speech(root: Path, files: int = 64, seconds: float = 3.0) -> list[Samples]:
    """The first `seconds` of `files` files spread over all of `root` that are long enough."""
    found = [load_speech(source.path, 0.0) for source in _spread(list_unlabeled(root, "ranging"), 2 * files)]
    samples = int(seconds * SAMPLE_RATE_HZ)
    return [wave[:samples] for wave in found if len(wave) >= samples][:files]


def _spread(sources: Sequence[Source], count: int) -> Sequence[Source]:
    return sources[:: max(1, len(sources) // count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--speech", type=Path, required=True, help="some of the training speech, to set the ranges")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    say(str(quantize(options.model, options.out, ranging_speech(options.speech))))


if __name__ == "__main__":
    main()
