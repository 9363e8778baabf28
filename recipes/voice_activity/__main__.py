"""Makes the voice activity detector that ships out of the published one: the same weights, every frame in one product.

    python -m recipes.voice_activity --out speakerid/audio/silero_vad/silero_vad_16k_frames.onnx

The published graph convolves the frames one by one. A frame is only four steps of a spectrum long, so that its
convolutions are a few products with the frame's own columns, and of all frames together each is one product. Edges are
as published: the spectrum of a frame ends in its mirror image, and beside a frame there is nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from speakerid.models.conversion import Graph, Weights

PUBLISHED = Path(__file__).with_name("silero_vad_16k_sequence.onnx")
FRAME = 64 + 512  # samples, with the end of the frame before it
WINDOW, HOP = 256, 128  # samples of the spectrum's steps
BINS = WINDOW // 2 + 1
STEPS = 4  # of a frame
WIDTH = 3  # steps that a convolution takes together
LSTM = ("onnx::LSTM_209", "onnx::LSTM_210", "onnx::LSTM_211")  # of inputs, of states, biases
Array = NDArray[np.float32]


def weights_of(published: bytes) -> Weights:
    """By name."""
    return {one.name: numpy_helper.to_array(one) for one in onnx.load_from_string(published).graph.initializer}


def build(weights: Weights) -> bytes:
    """From `input (frames, 576)` and the states `h` and `c (1, 1, 128)` to `speech_probs (frames,)`, `hn` and `cn`."""
    return _Builder(weights).build()


class _Builder:
    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._graph = Graph("silero_vad_16k_frames")

    def build(self) -> bytes:
        graph = self._graph
        x = self._magnitudes()  # (frames, 4 * 129): step after step
        x = self._convolved(x, "encoder.0", STEPS, stride=1)
        x = self._convolved(x, "encoder.1", STEPS, stride=2)
        x = self._convolved(x, "encoder.2", STEPS // 2, stride=2)
        x = self._convolved(x, "encoder.3", 1, stride=1)
        inputs, states, biases = (graph.weights(self._weights[name]) for name in LSTM)
        hidden = self._weights[LSTM[1]].shape[-1]
        steps = graph.add("Unsqueeze", x, graph.integers(1))
        outputs, last_hidden, last_cell = graph.add_many(
            "LSTM", (steps, inputs, states, biases, "", "h", "c"), 3, hidden_size=hidden
        )
        activated = graph.add("Relu", graph.add("Reshape", outputs, graph.integers(-1, hidden)))
        weight, bias = (graph.weights(self._weights[f"output.{part}"].reshape(-1, 1)) for part in ("weight", "bias"))
        logits = graph.add("Gemm", activated, weight, bias)
        speech = graph.add("Reshape", graph.add("Sigmoid", logits), graph.integers(-1))
        state = (1, 1, hidden)
        return graph.to_bytes(
            [("input", ("frames", FRAME)), ("h", state), ("c", state)],
            [(speech, "speech_probs", ("frames",)), (last_hidden, "hn", state), (last_cell, "cn", state)],
        )

    def _magnitudes(self) -> str:
        """`(frames, 4 * 129)`"""
        graph, basis = self._graph, self._weights["stft.forward_basis_buffer"][:, 0].T  # (256, 2 * 129)
        last = _mirrored(basis)
        ends = [min(start + WINDOW, FRAME) for start in range(0, STEPS * HOP, HOP)]
        windows = [self._part("input", nth * HOP, end, of=FRAME) for nth, end in enumerate(ends)]
        squares = []
        for which in (slice(None, BINS), slice(BINS, None)):  # cosines, sines
            whole, cut = graph.weights(basis[:, which]), graph.weights(last[:, which])
            waves = [whole] * (STEPS - 1) + [cut]
            products = [graph.add("MatMul", *pair) for pair in zip(windows, waves, strict=True)]
            beside = graph.add("Concat", *products, axis=1)
            squares.append(graph.add("Mul", beside, beside))
        return graph.add("Sqrt", graph.add("Add", *squares))

    def _convolved(self, x: str, name: str, steps: int, stride: int) -> str:
        """`(frames, steps * channels)` to `(frames, steps / stride * outputs)`: three wide, with nothing around."""
        graph, kernel = self._graph, self._weights[f"{name}.weight"]  # (outputs, channels, 3)
        bias, channels = graph.weights(self._weights[f"{name}.bias"]), kernel.shape[1]
        taps = graph.weights(kernel.transpose(2, 1, 0).reshape(WIDTH * channels, -1))
        found = []
        for at in range(0, steps, stride):
            first, end = max(at - 1, 0), min(at + 2, steps)
            near = self._part(x, first * channels, end * channels, of=steps * channels)
            used = self._part(taps, (first - at + 1) * channels, (end - at + 1) * channels, of=WIDTH * channels, axis=0)
            found.append(graph.add("Relu", graph.add("Gemm", near, used, bias)))
        return found[0] if len(found) == 1 else graph.add("Concat", *found, axis=1)

    def _part(self, x: str, start: int, end: int, *, of: int, axis: int = 1) -> str:
        """From `start` to `end` of `of` along `axis`; of constants, once the graph is opened."""
        graph = self._graph
        limits = (graph.integers(one) for one in (start, end, axis))
        return x if (start, end) == (0, of) else graph.add("Slice", x, *limits)


def _mirrored(basis: Array) -> Array:
    """`basis (256, …)` of samples whose last 64 mirror those before them, as `(192, …)` of the others alone."""
    missing = (STEPS - 1) * HOP + WINDOW - FRAME
    there = len(basis) - missing
    found = basis[:there].copy()
    found[there - 1 - missing : there - 1] += basis[there:][::-1]
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.parse_args(arguments).out.write_bytes(build(weights_of(PUBLISHED.read_bytes())))


if __name__ == "__main__":
    main()
