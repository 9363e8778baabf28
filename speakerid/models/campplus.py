"""CAM++ as an ONNX graph: a densely connected TDNN in which every layer is masked by the context around it.

After the paper (Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware
Masking", https://arxiv.org/abs/2303.00332), for the weights that 3D-Speaker published. Batch norms are folded into the
convolutions beside them, in double precision, and masks are computed once a segment instead of once a frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speakerid.errors import ConversionFailed
from speakerid.models.conversion import Graph, Shape, Weights

Wide = NDArray[np.float64]

EPSILON = 1e-5  # of every batch norm
DILATIONS = {"block1": 1, "block2": 2, "block3": 2}
FRAMES_AFTER = 2  # blocks: what is of words and manners is there, and gone after the third
SEGMENT = 100  # frames that share one mask
MELS = 80


@dataclass(frozen=True)
class Affine:
    """A batch norm at rest: `scale * x + shift`, each `(channels,)`."""

    scale: Wide
    shift: Wide


def build_campplus(weights: Weights) -> bytes:
    """The graph from `feats (batch, frames, 80)`, means removed, to `embedding (batch, dim)`.

    Raises `ConversionFailed`.
    """
    return _built(weights, _CampplusBuilder.build)


def build_campplus_frames(weights: Weights) -> bytes:
    """The graph from the same to `frames (batch, frames / 2, channels)`, what the second block gives.

    Raises `ConversionFailed`.
    """
    return _built(weights, _CampplusBuilder.build_frames)


def _built(weights: Weights, build: Callable[[_CampplusBuilder], bytes]) -> bytes:
    try:
        return build(_CampplusBuilder(weights))
    except (KeyError, ValueError, IndexError) as error:
        raise ConversionFailed(f"The weights are not those of CAM++ ({type(error).__name__}: {error}).") from error


@dataclass(frozen=True)
class Segments:
    """Matrices that depend on the number of frames alone. A product is several times as fast as pooling."""

    means: str  # (frames, segments): the mean of each segment plus the mean of everything
    spread: str  # (segments, frames): 1 where the frame is of the segment


class _CampplusBuilder:
    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._graph = Graph("campplus")

    def build(self) -> bytes:
        x = self._blocks(len(DILATIONS))
        x = self._transit(x, len(DILATIONS))
        dim = len(self._weights["xvector.dense.linear.weight"])
        return self._to_bytes((self._embedding(x), "embedding", ("batch", dim)))

    def build_frames(self) -> bytes:
        x = self._blocks(FRAMES_AFTER)
        channels = self._weights[f"xvector.transit{FRAMES_AFTER}.linear.weight"].shape[1]
        frames = self._graph.add("Transpose", self._graph.add("Squeeze", x, self._graph.integers(2)), perm=[0, 2, 1])
        return self._to_bytes((frames, "frames", ("batch", "half_frames", channels)))

    def _to_bytes(self, gives: tuple[str, str, Shape]) -> bytes:
        return self._graph.to_bytes([("feats", ("batch", "frames", MELS))], [gives])

    def _blocks(self, count: int) -> str:
        """The first `count` dense blocks, with the transits between them."""
        graph = self._graph
        x = graph.add("Unsqueeze", graph.add("Transpose", "feats", perm=[0, 2, 1]), graph.integers(1))
        x = self._front(x)
        x = graph.add("Relu", self._folded(x, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm", 1, stride=2))
        self._segments = self._divide(x)
        for number, (block, dilation) in enumerate(list(DILATIONS.items())[:count], start=1):
            x = self._block(self._transit(x, number - 1), f"xvector.{block}", dilation)
        return x

    def _transit(self, x: str, number: int) -> str:
        """The narrowing after block `number`; nothing before the first."""
        if number == 0:
            return x
        name = f"xvector.transit{number}"
        return self._read(x, f"{name}.nonlinear.batchnorm", self._wide(f"{name}.linear.weight"))

    def _front(self, x: str) -> str:
        """Two-dimensional residual layers over `(batch, 1, mels, frames)`, then bands and channels as one."""
        graph = self._graph
        x = graph.add("Relu", self._folded(x, "head.conv1", "head.bn1", 1))
        for layer in ("head.layer1", "head.layer2"):
            x = self._residual(self._residual(x, f"{layer}.0", stride=2), f"{layer}.1", stride=1)
        x = graph.add("Relu", self._folded(x, "head.conv2", "head.bn2", 1, stride=2))
        channels = self._weights["xvector.tdnn.linear.weight"].shape[1]
        return graph.add("Reshape", x, graph.integers(0, channels, 1, -1))

    def _residual(self, x: str, name: str, *, stride: int) -> str:
        graph = self._graph
        inner = graph.add("Relu", self._folded(x, f"{name}.conv1", f"{name}.bn1", 1, stride=stride))
        inner = self._folded(inner, f"{name}.conv2", f"{name}.bn2", 1)
        if f"{name}.shortcut.0.weight" in self._weights:
            x = self._folded(x, f"{name}.shortcut.0", f"{name}.shortcut.1", 1, stride=stride)
        return graph.add("Relu", graph.add("Add", inner, x))

    def _block(self, x: str, name: str, dilation: int) -> str:
        """Every layer reads all that came before it in the block, and adds its own channels."""
        layer = 1
        while f"{name}.tdnnd{layer}.linear1.weight" in self._weights:
            at = f"{name}.tdnnd{layer}"
            added = self._masked(self._bottleneck(x, at), f"{at}.cam_layer", dilation)
            x = self._graph.add("Concat", x, added, axis=1)
            layer += 1
        return x

    def _bottleneck(self, x: str, name: str) -> str:
        norm = self._affine(f"{name}.nonlinear2.batchnorm")
        mixing = norm.scale[:, None, None] * self._wide(f"{name}.linear1.weight")
        return self._graph.add("Relu", self._read(x, f"{name}.nonlinear1.batchnorm", mixing, norm.shift))

    def _masked(self, x: str, name: str, dilation: int) -> str:
        """A local convolution, times a mask for each segment from its mean and the mean of everything."""
        graph, segments = self._graph, self._segments
        local = self._convolve(x, self._wide(f"{name}.linear_local.weight"), None, dilation)
        context = graph.add("Relu", self._plain(graph.add("MatMul", x, segments.means), f"{name}.linear1"))
        mask = graph.add("Sigmoid", self._plain(context, f"{name}.linear2"))
        return graph.add("Mul", local, graph.add("MatMul", mask, segments.spread))

    def _divide(self, x: str) -> Segments:
        """Segments of the frames of `x`; the last one is as short as what is left."""
        graph = self._graph
        count = graph.add("Squeeze", graph.add("Shape", x, start=3))
        frames = graph.add("Range", graph.integer(0), count, graph.integer(1))
        owners = graph.add("Div", frames, graph.integer(SEGMENT))
        last = graph.add("Div", graph.add("Sub", count, graph.integer(1)), graph.integer(SEGMENT))
        numbers = graph.add("Range", graph.integer(0), graph.add("Add", last, graph.integer(1)), graph.integer(1))
        numbers = graph.add("Unsqueeze", numbers, graph.integers(1))
        spread = graph.add("Cast", graph.add("Equal", numbers, owners), to=1)
        lengths = graph.add("ReduceSum", spread, graph.integers(1))
        within = graph.add("Div", spread, lengths)
        everywhere = graph.add("Reciprocal", graph.add("Cast", count, to=1))
        return Segments(graph.add("Transpose", graph.add("Add", within, everywhere), perm=[1, 0]), spread)

    def _embedding(self, x: str) -> str:
        """Mean and standard deviation over time, one dense layer."""
        graph = self._graph
        norm, dense = self._affine("xvector.out_nonlinear.batchnorm"), self._affine("xvector.dense.nonlinear.batchnorm")
        x = self._clamp(x, norm)
        mean = graph.add("ReduceMean", x, axes=[3])
        centered = graph.add("Sub", x, mean)
        squares = graph.add("ReduceSum", graph.add("Mul", centered, centered), graph.integers(3))
        frames = graph.add("Cast", graph.add("Shape", x, start=3), to=1)
        count = graph.add("Sub", frames, graph.weights([1.0]))
        deviation = graph.add("Sqrt", graph.add("Div", squares, count))
        mixing = dense.scale[:, None] * self._wide("xvector.dense.linear.weight")[:, :, 0]
        of_mean, of_deviation = np.split(mixing, 2, axis=1)
        bias = dense.shift + of_mean @ norm.shift
        folded = np.concatenate([of_mean * norm.scale, of_deviation * np.abs(norm.scale)], axis=1)
        pooled = graph.add("Flatten", graph.add("Concat", mean, deviation, axis=1))
        return graph.add("Gemm", pooled, graph.weights(folded), graph.weights(bias), transB=1)

    def _read(self, x: str, norm_name: str, mixing: Wide, shift: Wide | None = None) -> str:
        """Batch norm, ReLU and a pointwise convolution, as one clamp and one convolution.

        `relu(s * x + b)` is `s * clamp(x) + b`, where the clamp is at `-b / s`; `s` and `b` go into the convolution.
        """
        norm = self._affine(norm_name)
        bias = mixing[:, :, 0] @ norm.shift + (0.0 if shift is None else shift)
        return self._convolve(self._clamp(x, norm), mixing * norm.scale[:, None], bias)

    def _clamp(self, x: str, norm: Affine) -> str:
        """`max(x, edge)` where the scale is positive, `min(x, edge)` where it is negative."""
        edge = -norm.shift / norm.scale
        low, high = (np.where(norm.scale > 0, edge, -np.inf), np.where(norm.scale < 0, edge, np.inf))
        x = self._graph.add("Max", x, self._graph.weights(low[:, None, None]))
        return x if np.isinf(high).all() else self._graph.add("Min", x, self._graph.weights(high[:, None, None]))

    def _folded(self, x: str, name: str, norm_name: str, dilation: int, *, stride: int = 1) -> str:
        """A convolution with the batch norm after it. In two dimensions it steps over bands, never over time."""
        kernel, norm = self._wide(f"{name}.weight"), self._affine(norm_name)
        scale = norm.scale.reshape(-1, *[1] * (kernel.ndim - 1))
        return self._convolve(x, kernel * scale, norm.shift, dilation, stride)

    def _plain(self, x: str, name: str) -> str:
        return self._convolve(x, self._wide(f"{name}.weight"), self._wide(f"{name}.bias"))

    def _convolve(self, x: str, kernel: Wide, bias: Wide | None, dilation: int = 1, stride: int = 1) -> str:
        """A convolution of 'same' length at stride 1.

        Over time alone it gets a height of 1, for which ONNX Runtime is quicker.
        """
        steps = [stride, 1] if kernel.ndim == 4 else [1, stride]
        kernel = kernel.reshape(*kernel.shape[:2], -1, kernel.shape[-1])
        sizes = list(kernel.shape[2:])
        pads = [(size - 1) // 2 * dilation for size in sizes] * 2
        inputs = [x, self._graph.weights(kernel)] + ([] if bias is None else [self._graph.weights(bias)])
        return self._graph.add(
            "Conv",
            *inputs,
            kernel_shape=sizes,
            pads=pads,
            strides=steps,
            dilations=[1, dilation],
        )

    def _affine(self, name: str) -> Affine:
        """A batch norm; some have no weights of their own."""
        mean, variance = self._wide(f"{name}.running_mean"), self._wide(f"{name}.running_var")
        own = f"{name}.weight" in self._weights
        gain = self._wide(f"{name}.weight") if own else np.ones_like(mean)
        offset = self._wide(f"{name}.bias") if own else np.zeros_like(mean)
        scale = gain / np.sqrt(variance + EPSILON)
        return Affine(scale, offset - mean * scale)

    def _wide(self, name: str) -> Wide:
        return self._weights[name].astype(np.float64)
