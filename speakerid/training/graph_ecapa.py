"""ECAPA-TDNN rewritten for the exported graph: the same function with a third of the element-wise passes.

A batch norm after a ReLU is `scale * relu(z) + shift`. Its size goes into the convolution before it, its sign and shift
into the one after it (reflecting padding passes constants through), so almost no batch norm is left. All of this is
computed once, in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerid.training.errors import ExportUnsupported
from speakerid.training.toolkit import ECAPA_TDNN, AttentiveStatisticsPooling, SERes2NetBlock, TDNNBlock


@dataclass(frozen=True)
class Owed:
    """What a folded layer still owes its reader: true output = `sign * output + shift`, both `(channels,)` doubles."""

    sign: Tensor
    shift: Tensor

    def part(self, channels: slice) -> Owed:
        return Owed(self.sign[channels], self.shift[channels])


def nothing_owed(channels: int) -> Owed:
    return Owed(torch.ones(channels).double(), torch.zeros(channels).double())


class Convolution(nn.Module):
    """A convolution of 'same' length that takes what is owed on its input, then perhaps a ReLU."""

    weight: Tensor
    bias: Tensor

    def __init__(self, conv: nn.Conv1d, owed: Owed, scale: Tensor | None = None, relu: bool = False) -> None:
        super().__init__()
        if conv.groups != 1:
            raise ExportUnsupported("Grouped convolutions are not exported.")
        weight, bias = conv.weight.detach().double(), cast(Tensor, conv.bias).detach().double()
        bias = bias + torch.einsum("oik,i->o", weight, owed.shift)
        weight = weight * owed.sign[None, :, None]
        if scale is not None:
            weight, bias = weight * scale[:, None, None], bias * scale
        self.register_buffer("weight", weight.float())
        self.register_buffer("bias", bias.float())
        self.dilation = int(conv.dilation[0])
        self.reach = self.dilation * (int(conv.kernel_size[0]) - 1) // 2
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        if self.reach:
            x = functional.pad(x, (self.reach, self.reach), mode="reflect")
        y = functional.conv1d(x, self.weight, self.bias, dilation=self.dilation)
        return functional.relu(y) if self.relu else y


def scale_and_shift(norm: nn.Module) -> tuple[Tensor, Tensor]:
    bn = cast(nn.BatchNorm1d, norm.norm)
    mean, variance = cast(Tensor, bn.running_mean).double(), cast(Tensor, bn.running_var).double()
    scale = bn.weight.detach().double() / (variance + bn.eps).sqrt()
    return scale, bn.bias.detach().double() - scale * mean


def folded(block: TDNNBlock, owed: Owed) -> tuple[Convolution, Owed]:
    if not isinstance(block.activation, nn.ReLU):
        raise ExportUnsupported(f"Only ReLU is exported, not {type(block.activation).__name__}.")
    scale, shift = scale_and_shift(block.norm)
    sign = torch.where(scale < 0, -1.0, 1.0).double()
    return Convolution(block.conv.conv, owed, scale.abs(), relu=True), Owed(sign, shift)


def _column(values: Tensor) -> Tensor:
    return values.float()[None, :, None]


class SeRes2Net(nn.Module):
    signs: Tensor
    out_scale: Tensor
    out_shift: Tensor

    def __init__(self, block: SERes2NetBlock) -> None:
        super().__init__()
        if block.shortcut is not None:
            raise ExportUnsupported("Blocks that change the number of channels are not exported.")
        channels = block.tdnn1.conv.conv.in_channels
        self.first, owed = folded(block.tdnn1, nothing_owed(channels))
        self.width = channels // block.res2net_block.scale
        parts = [owed.part(slice(i, i + self.width)) for i in range(0, channels, self.width)]
        self.register_buffer("signs", _column(owed.sign))
        self.plain = bool((owed.sign > 0).all())
        self.inner = nn.ModuleList()
        left: list[Owed] = [Owed(torch.ones(self.width).double(), parts[0].shift)]
        for i, inner in enumerate(block.res2net_block.blocks):
            shift = parts[i + 1].shift + (left[i].shift if i else 0)
            layer, after = folded(cast(TDNNBlock, inner), Owed(torch.ones(self.width).double(), shift))
            self.inner.append(layer)
            self.inner.append(Sign(after.sign))
            left.append(Owed(torch.ones(self.width).double(), after.shift))
        joined = Owed(torch.ones(channels).double(), torch.cat([o.shift for o in left]))
        self.last = Convolution(block.tdnn2.conv.conv, joined, relu=True)
        scale, shift = scale_and_shift(block.tdnn2.norm)
        self.register_buffer("out_scale", _column(scale))
        self.register_buffer("out_shift", _column(shift))
        self.squeeze = Convolution(block.se_block.conv1.conv, Owed(scale, shift), relu=True)
        self.excite = Convolution(block.se_block.conv2.conv, nothing_owed(block.se_block.conv2.conv.in_channels))

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        if not self.plain:
            y = y * self.signs
        outputs: list[Tensor] = []
        for i, part in enumerate(y.split(self.width, dim=1)):
            if i > 0:
                part = self.inner[2 * i - 1](self.inner[2 * i - 2](part if i == 1 else part + outputs[-1]))
            outputs.append(part)
        y = self.last(torch.cat(outputs, dim=1))
        gate = torch.sigmoid(self.excite(self.squeeze(y.mean(dim=2, keepdim=True))))
        out: Tensor = y * (gate * self.out_scale) + (x + gate * self.out_shift)
        return out


class Sign(nn.Module):
    """Nothing at all where every sign is positive, as in a trained model it mostly is."""

    sign: Tensor

    def __init__(self, sign: Tensor) -> None:
        super().__init__()
        self.plain = bool((sign > 0).all())
        self.register_buffer("sign", _column(sign))

    def forward(self, x: Tensor) -> Tensor:
        return x if self.plain else x * self.sign


class Pooling(nn.Module):
    """Attentive statistics of what the aggregation layer owes nothing but sign and shift for.

    The context part of the attention is constant in time: its product is taken once, not once a frame.
    """

    frames: Tensor
    bias: Tensor
    context: Tensor

    def __init__(self, layer: AttentiveStatisticsPooling, owed: Owed) -> None:
        super().__init__()
        self.eps, self.norm = float(layer.eps), layer.tdnn.norm
        weight = layer.tdnn.conv.conv.weight.detach().double()
        channels = len(owed.sign)
        frames, context = weight[:, :channels], weight[:, channels:]
        bias = cast(Tensor, layer.tdnn.conv.conv.bias).detach().double() + frames[:, :, 0] @ owed.shift
        self.global_context = bool(layer.global_context)
        if self.global_context:
            bias = bias + context[:, :channels, 0] @ owed.shift
            context = context * torch.cat([owed.sign, torch.ones(channels).double()])[None, :, None]
        self.register_buffer("frames", (frames * owed.sign[None, :, None]).float())
        self.register_buffer("bias", bias.float())
        self.register_buffer("context", context.float())
        self.attend = Convolution(layer.conv.conv, nothing_owed(layer.conv.conv.in_channels))

    def forward(self, x: Tensor) -> Tensor:
        attention = functional.conv1d(x, self.frames, self.bias)
        if self.global_context:
            mean = x.mean(dim=2, keepdim=True)
            deviation = (x - mean).square().mean(dim=2, keepdim=True).clamp(min=self.eps).sqrt()
            attention = attention + functional.conv1d(torch.cat([mean, deviation], dim=1), self.context)
        weights = torch.softmax(self.attend(torch.tanh(self.norm(functional.relu(attention)))), dim=2)
        mean = (weights * x).sum(dim=2, keepdim=True)
        deviation = (weights * (x - mean).square()).sum(dim=2, keepdim=True).clamp(min=self.eps).sqrt()
        return torch.cat([mean, deviation], dim=1)


class EcapaGraph(nn.Module):
    """`(batch, frames, mels)` to `(batch, dim)`."""

    scale: Tensor
    shift: Tensor

    def __init__(self, net: ECAPA_TDNN) -> None:
        super().__init__()
        first, *rest = net.blocks
        self.first, owed = folded(cast(TDNNBlock, first), nothing_owed(cast(TDNNBlock, first).conv.conv.in_channels))
        self.register_buffer("scale", _column(owed.sign))
        self.register_buffer("shift", _column(owed.shift))
        self.blocks = nn.ModuleList(SeRes2Net(cast(SERes2NetBlock, block)) for block in rest)
        self.aggregate, owed = folded(net.mfa, nothing_owed(net.mfa.conv.conv.in_channels))
        self.pool = Pooling(net.asp, owed)
        scale, shift = scale_and_shift(net.asp_bn)
        ones, zeros = torch.ones_like(owed.sign), torch.zeros_like(owed.shift)
        pooled = Owed(torch.cat([owed.sign, ones]), torch.cat([owed.shift, zeros]))
        self.last = Convolution(net.fc.conv, Owed(scale * pooled.sign, scale * pooled.shift + shift))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x.transpose(1, 2)) * self.scale + self.shift
        outputs = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        pooled = self.pool(self.aggregate(torch.cat(outputs, dim=1)))
        return cast(Tensor, self.last(pooled))[:, :, 0]
