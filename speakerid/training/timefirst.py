"""A faster training pass over SpeechBrain's `ECAPA_TDNN`: the same parameters, laid out `(time, batch, channels)`.

In that layout a 1x1 convolution is one matrix product, a dilated one is a product per tap over contiguous slices, and
nothing is copied or transposed; bf16 products then run on AMX. Times are in docs/decisions/0005.
Only full-length rows: there is no mask. Equality with the class's own forward is a test.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerid.training.toolkit import (
    ECAPA_TDNN,
    AttentiveStatisticsPooling,
    SEBlock,
    SERes2NetBlock,
    TDNNBlock,
)

EPS = 1e-12


def forward(net: ECAPA_TDNN, features: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """`(batch, time, mels)` to `(batch, dim)` float32. Batch norms follow `net.training`."""
    x = features.transpose(0, 1).contiguous().to(dtype)
    outputs: list[Tensor] = []
    for block in net.blocks:
        x = _tdnn(block, x) if isinstance(block, TDNNBlock) else _se_res2net(cast(SERes2NetBlock, block), x)
        outputs.append(x)
    x = _tdnn(net.mfa, torch.cat(outputs[1:], dim=2))
    pooled = _norm(net.asp_bn, _pool(net.asp, x))
    return _linear(pooled, net.fc.conv).float()


def _linear(x: Tensor, conv: nn.Conv1d, part: slice = slice(None), bias: bool = True) -> Tensor:
    """A 1x1 convolution (or the input channels `part` of it) on the last dimension."""
    weight = conv.weight[:, part, 0].to(x.dtype)
    return functional.linear(x, weight, cast(Tensor, conv.bias).to(x.dtype) if bias else None)


def _convolve(x: Tensor, conv: nn.Conv1d) -> Tensor:
    size, step = conv.kernel_size[0], conv.dilation[0]
    if size == 1:
        return _linear(x, conv)
    time, reach = x.shape[0], step * (size - 1) // 2
    padded = torch.cat([x[1 : reach + 1].flip(0), x, x[time - reach - 1 : time - 1].flip(0)])
    taps = conv.weight.to(x.dtype)
    y = functional.linear(padded[:time], taps[:, :, 0], cast(Tensor, conv.bias).to(x.dtype))
    for k in range(1, size):
        y = y + functional.linear(padded[k * step : k * step + time], taps[:, :, k])
    return y


def _norm(layer: nn.Module, x: Tensor) -> Tensor:
    """SpeechBrain's BatchNorm1d wraps torch's; statistics are over time and batch."""
    bn = cast(nn.BatchNorm1d, layer.norm)
    y = functional.batch_norm(
        x.reshape(-1, x.shape[-1]),
        bn.running_mean,
        bn.running_var,
        bn.weight,
        bn.bias,
        bn.training,
        bn.momentum or 0.1,
        bn.eps,
    )
    return y.reshape(x.shape)


def _tdnn(block: TDNNBlock, x: Tensor) -> Tensor:
    return _norm(block.norm, block.activation(_convolve(x, block.conv.conv)))


def _se_res2net(block: SERes2NetBlock, x: Tensor) -> Tensor:
    residual = x if block.shortcut is None else _linear(x, block.shortcut.conv)
    y = _tdnn(block.tdnn1, x)
    parts: list[Tensor] = []
    for i, part in enumerate(y.chunk(block.res2net_block.scale, dim=2)):
        if i == 0:
            parts.append(part)
        else:
            parts.append(_tdnn(block.res2net_block.blocks[i - 1], part if i == 1 else part + parts[-1]))
    y = _tdnn(block.tdnn2, torch.cat(parts, dim=2))
    return torch.addcmul(residual, y, _gate(block.se_block, y))


def _gate(block: SEBlock, x: Tensor) -> Tensor:
    squeezed = functional.relu(_linear(x.mean(dim=0), block.conv1.conv))
    return torch.sigmoid(_linear(squeezed, block.conv2.conv))


def _pool(layer: AttentiveStatisticsPooling, x: Tensor) -> Tensor:
    """Attentive mean and deviation. The global context is constant in time, so its product is taken once per row."""
    conv, channels = layer.tdnn.conv.conv, x.shape[2]
    attention = _linear(x, conv, slice(0, channels))
    if layer.global_context:
        mean = x.mean(dim=0, dtype=torch.float32)
        deviation = _deviation(x, mean, torch.full((), 1.0 / x.shape[0]))
        context = torch.cat([mean, deviation], dim=1).to(x.dtype)
        attention = attention + _linear(context, conv, slice(channels, None), bias=False)
    attention = torch.tanh(_norm(layer.tdnn.norm, functional.relu(attention)))
    weights = torch.softmax(_linear(attention, layer.conv.conv), dim=0, dtype=torch.float32).to(x.dtype)
    mean = (weights * x).sum(dim=0, dtype=torch.float32)
    return torch.cat([mean, _deviation(x, mean, weights)], dim=1)


def _deviation(x: Tensor, mean: Tensor, weights: Tensor) -> Tensor:
    centered = x - mean.to(x.dtype)
    return (centered.square() * weights.to(x.dtype)).sum(dim=0, dtype=torch.float32).clamp(min=EPS).sqrt()
