"""CAM++ as PyTorch modules, with the names of the published weights: what the converted graph must agree with."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerid.encoders.fbank import log_mel
from tests.encoders.voices import HIGH, LOW, RATE_HZ, speak

SEGMENT = 100


class Residual(nn.Module):
    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, (stride, 1), 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride > 1:
            pointwise = nn.Conv2d(channels, channels, 1, (stride, 1), bias=False)
            self.shortcut = nn.Sequential(pointwise, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return torch.relu(inner + self.shortcut(x))


class Front(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = nn.Sequential(Residual(channels, 2), Residual(channels, 1))
        self.layer2 = nn.Sequential(Residual(channels, 2), Residual(channels, 1))
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(self.bn1(self.conv1(x[:, None])).relu()))
        return cast(Tensor, self.bn2(self.conv2(x)).relu().flatten(1, 2))


class Norm(nn.Sequential):
    """A batch norm under the name that the published weights give it."""

    def __init__(self, channels: int, affine: bool = True) -> None:
        super().__init__()
        self.add_module("batchnorm", nn.BatchNorm1d(channels, affine=affine))


class Mask(nn.Module):
    def __init__(self, channels: int, growth: int, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(channels, growth, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(channels, channels // 2, 1)
        self.linear2 = nn.Conv1d(channels // 2, growth, 1)

    def forward(self, x: Tensor) -> Tensor:
        pieces = [piece.mean(2, keepdim=True).expand_as(piece) for piece in torch.split(x, SEGMENT, dim=2)]
        context = x.mean(2, keepdim=True) + torch.cat(pieces, dim=2)
        return cast(Tensor, self.linear_local(x) * torch.sigmoid(self.linear2(self.linear1(context).relu())))


class Layer(nn.Module):
    def __init__(self, channels: int, bottleneck: int, growth: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = Norm(channels)
        self.linear1 = nn.Conv1d(channels, bottleneck, 1, bias=False)
        self.nonlinear2 = Norm(bottleneck)
        self.cam_layer = Mask(bottleneck, growth, dilation)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.nonlinear2(self.linear1(self.nonlinear1(x).relu())).relu()
        return torch.cat([x, self.cam_layer(inner)], dim=1)


class Linear(nn.Module):
    """A convolution and a norm, whichever comes first."""

    def __init__(self, convolution: nn.Conv1d, norm: Norm) -> None:
        super().__init__()
        self.linear, self.nonlinear = convolution, norm


class CamPlusPlus(nn.Module):
    """`(batch, frames, 80)` to `(batch, dim)`."""

    def __init__(self, front: int = 32, first: int = 128, growth: int = 32, layers: tuple[int, ...] = (12, 24, 16),
                 dim: int = 192) -> None:  # fmt: skip
        super().__init__()
        self.head = Front(front)
        self.xvector = nn.Module()
        tdnn = nn.Conv1d(front * 10, first, 5, stride=2, padding=2, bias=False)
        self.xvector.add_module("tdnn", Linear(tdnn, Norm(first)))
        channels = first
        self._steps: list[tuple[nn.Module, nn.Module]] = []
        for number, (depth, dilation) in enumerate(zip(layers, (1, 2, 2), strict=True), start=1):
            block = nn.Sequential()
            for layer in range(depth):
                made = Layer(channels + layer * growth, first, growth, dilation)
                block.add_module(f"tdnnd{layer + 1}", made)
            channels += depth * growth
            transit = Linear(nn.Conv1d(channels, channels // 2, 1, bias=False), Norm(channels))
            channels //= 2
            self.xvector.add_module(f"block{number}", block)
            self.xvector.add_module(f"transit{number}", transit)
            self._steps.append((block, transit))
        self.xvector.add_module("out_nonlinear", Norm(channels))
        self.xvector.add_module("dense", Linear(nn.Conv1d(2 * channels, dim, 1, bias=False), Norm(dim, affine=False)))

    def forward(self, feats: Tensor) -> Tensor:
        parts = dict(self.xvector.named_children())
        tdnn, dense = parts["tdnn"], parts["dense"]
        assert isinstance(tdnn, Linear)
        assert isinstance(dense, Linear)
        x = tdnn.nonlinear(tdnn.linear(self.head(feats.transpose(1, 2)))).relu()
        for block, transit in self._steps:
            assert isinstance(transit, Linear)
            x = transit.linear(transit.nonlinear(block(x)).relu())
        x = parts["out_nonlinear"](x).relu()
        pooled = torch.cat([x.mean(2), x.std(2)], dim=1)[:, :, None]
        embedding: Tensor = dense.nonlinear(dense.linear(pooled))[:, :, 0]
        return embedding


def tiny() -> CamPlusPlus:
    """12 dimensions, random, with gains of either sign; its batch norms have seen two speakers."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = CamPlusPlus(front=4, first=8, growth=4, layers=(2, 3, 2), dim=12)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
                nn.init.normal_(module.weight, 0.8, 0.5)
                nn.init.normal_(module.bias, 0.0, 0.3)
        waves = [speak(voice, 1.5, seed) for voice in (LOW, HIGH) for seed in range(4)]
        feats = torch.stack([torch.from_numpy(log_mel(wave, RATE_HZ, window="povey")) for wave in waves])
        with torch.no_grad():
            for _ in range(30):
                model(feats)
    return model.eval()


def embed(model: CamPlusPlus, feats: Tensor) -> Tensor:
    """Unit rows."""
    with torch.inference_mode():
        return functional.normalize(model(feats))
