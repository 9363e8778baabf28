"""pyannote's segmentation model as an ONNX graph: who of up to three people speaks in each frame of ten seconds.

After the papers (Ravanelli and Bengio, "Speaker Recognition from Raw Waveform with SincNet", and Plaquet and Bredin,
"Powerset multi-class cross entropy loss for neural speaker diarization"), for the weights published as
segmentation-3.0: a bank of band-pass filters, two convolutions, four recurrent layers in both directions, a classifier.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from speakerid.errors import ConversionFailed
from speakerid.models.conversion import Graph, Weights

Wide = NDArray[np.float64]

RATE_HZ = 16_000
STRIDE = 10  # samples from filter to filter
POOL = 3  # frames, after each convolution
LEAK = 0.01  # slope below zero
EPSILON = 1e-5  # of the normalizations over time
LOWEST_HZ = 50.0  # of a band's lower edge
NARROWEST_HZ = 50.0
GATES = (0, 3, 1, 2)  # PyTorch keeps input, forget, cell, output; ONNX wants input, output, forget, cell


def build_segmentation(weights: Weights) -> bytes:
    """The graph from `wav (batch, samples)` at 16 kHz to `log_probs (batch, frames, classes)`.

    Raises `ConversionFailed`.
    """
    try:
        return _SegmentationBuilder(weights).build()
    except (KeyError, ValueError, IndexError) as error:
        raise ConversionFailed(
            f"The weights are not those of segmentation ({type(error).__name__}: {error})."
        ) from error


class _SegmentationBuilder:
    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._graph = Graph("segmentation")

    def build(self) -> bytes:
        graph = self._graph
        x = self._normalized(graph.add("Unsqueeze", "wav", graph.integers(1)), "sincnet.wav_norm1d")
        x = graph.add("Abs", graph.add("Conv", x, graph.weights(self._filters()), strides=[STRIDE]))
        x = self._pooled(x, "sincnet.norm1d.0")
        for number in (1, 2):
            name = f"sincnet.conv1d.{number}"
            kernel, bias = (graph.weights(self._weights[f"{name}.{part}"]) for part in ("weight", "bias"))
            x = self._pooled(graph.add("Conv", x, kernel, bias), f"sincnet.norm1d.{number}")
        x = self._recurrent(graph.add("Transpose", x, perm=[2, 0, 1]))
        for layer in ("linear.0", "linear.1"):
            x = graph.add("LeakyRelu", self._dense(x, layer), alpha=LEAK)
        answer = graph.add("LogSoftmax", self._dense(x, "classifier"), axis=-1)
        classes = len(self._weights["classifier.bias"])
        shape = ("batch", "frames", classes)
        return graph.to_bytes([("wav", ("batch", "samples"))], [(answer, "log_probs", shape)])

    def _filters(self) -> Wide:
        """`(2 * bands, 1, taps)`: each band's ideal band-pass under a window, as a cosine and as a sine wave."""
        low_hz = LOWEST_HZ + np.abs(self._wide("sincnet.conv1d.0.filterbank.low_hz_"))
        band_hz = NARROWEST_HZ + np.abs(self._wide("sincnet.conv1d.0.filterbank.band_hz_"))
        high_hz = np.clip(low_hz + band_hz, LOWEST_HZ, RATE_HZ / 2)
        window = self._wide("sincnet.conv1d.0.filterbank.window_")
        before = 2 * np.pi * np.arange(-len(window), 0) / RATE_HZ  # radians a hertz, for each tap left of the middle
        width_hz = high_hz - low_hz
        even = window * (np.sin(high_hz * before) - np.sin(low_hz * before)) / (before * width_hz)
        odd = window * (np.cos(low_hz * before) - np.cos(high_hz * before)) / (before * width_hz)
        middle = np.ones_like(low_hz)
        cosines = np.concatenate([even, middle, even[:, ::-1]], axis=1)
        sines = np.concatenate([odd, 0 * middle, -odd[:, ::-1]], axis=1)
        return np.concatenate([cosines, sines])[:, np.newaxis]

    def _pooled(self, x: str, norm: str) -> str:
        graph = self._graph
        pooled = graph.add("MaxPool", x, kernel_shape=[POOL], strides=[POOL])
        return graph.add("LeakyRelu", self._normalized(pooled, norm), alpha=LEAK)

    def _normalized(self, x: str, name: str) -> str:
        """Each channel with the mean and the deviation of the whole window."""
        scale, shift = (self._graph.weights(self._weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self._graph.add("InstanceNormalization", x, scale, shift, epsilon=EPSILON)

    def _recurrent(self, x: str) -> str:
        """`(frames, batch, channels)` through all layers, back as `(batch, frames, both directions)`."""
        layer = 0
        while f"lstm.weight_ih_l{layer}" in self._weights:
            x = self._both_directions(x, layer)
            layer += 1
        return self._graph.add("Transpose", x, perm=[1, 0, 2])

    def _both_directions(self, x: str, layer: int) -> str:
        graph, suffixes = self._graph, (f"l{layer}", f"l{layer}_reverse")
        inputs, states = (
            graph.weights(np.stack([_reordered(self._weights[f"lstm.{kind}_{suffix}"]) for suffix in suffixes]))
            for kind in ("weight_ih", "weight_hh")
        )
        biases = np.stack(
            [
                np.concatenate([_reordered(self._weights[f"lstm.{kind}_{suffix}"]) for kind in ("bias_ih", "bias_hh")])
                for suffix in suffixes
            ]
        )
        hidden = self._weights[f"lstm.weight_hh_l{layer}"].shape[1]
        x = graph.add("LSTM", x, inputs, states, graph.weights(biases), direction="bidirectional", hidden_size=hidden)
        return graph.add("Reshape", graph.add("Transpose", x, perm=[0, 2, 1, 3]), graph.integers(0, 0, -1))

    def _dense(self, x: str, name: str) -> str:
        graph = self._graph
        turned = graph.weights(self._weights[f"{name}.weight"].T)
        return graph.add("Add", graph.add("MatMul", x, turned), graph.weights(self._weights[f"{name}.bias"]))

    def _wide(self, name: str) -> Wide:
        return self._weights[name].astype(np.float64)


def _reordered(values: NDArray[np.float32]) -> NDArray[np.float32]:
    gates = np.split(values, len(GATES))
    return np.concatenate([gates[gate] for gate in GATES])
