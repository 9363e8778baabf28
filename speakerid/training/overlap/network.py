"""From power spectra to how many speak: convolutions over time and frequency, then over time alone, ever wider apart.

A temporal convolutional network (Bai, Kolter & Koltun 2018, https://arxiv.org/abs/1803.01271), not causal. A frame sees
1.3 s on either side.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from speakerid.audio.overlap import WINDOW
from speakerid.training.data import SAMPLE_RATE_HZ
from speakerid.training.toolkit import Filterbank

CLASSES = 3  # nobody, one, two or more
DYNAMIC_RANGE = 12.0  # nepers of power under the loudest, 52 dB: what is softer is background


@dataclass(frozen=True)
class NetworkOptions:
    bands: int = 64
    planes: int = 12
    channels: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    dropout: float = 0.1


class OverlapNetwork(nn.Module):
    """`power (n, frames, WINDOW // 2 + 1)` -> logits `(n, CLASSES, frames)`."""

    bands: Tensor

    def __init__(self, options: NetworkOptions | None = None) -> None:
        super().__init__()
        options = options or NetworkOptions()
        self.register_buffer("bands", mel_bands(options.bands))
        planes, channels = options.planes, options.channels
        self.picture = nn.Sequential(
            _plane(1, planes), _plane(planes, planes), _plane(planes, planes), nn.Flatten(1, 2)
        )
        self.narrow = nn.Sequential(nn.Conv1d(planes * (options.bands // 8), channels, 1), nn.BatchNorm1d(channels))
        self.blocks = nn.ModuleList(_Block(channels, dilation, options.dropout) for dilation in options.dilations)
        self.decide = nn.Conv1d(channels, CLASSES, 1)

    def forward(self, power: Tensor) -> Tensor:
        level = torch.log(power @ self.bands + 1e-12)
        level = torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - DYNAMIC_RANGE)
        level = level - level.mean(dim=(1, 2), keepdim=True)
        level = level / (level.square().mean(dim=(1, 2), keepdim=True).sqrt() + 1e-3)
        hidden = self.narrow(self.picture(level.transpose(1, 2)[:, None]))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        logits: Tensor = self.decide(hidden)
        return logits


class Probabilities(nn.Module):
    """What is exported: the probability of two or more, `(n, frames)`."""

    def __init__(self, network: OverlapNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, power: Tensor) -> Tensor:
        logits: Tensor = self.network(power)
        return logits.softmax(dim=1)[:, CLASSES - 1]


class _Block(nn.Sequential):
    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(channels, channels, 1),
        )


def _plane(before: int, after: int) -> nn.Sequential:
    """Halves the bands, keeps the frames."""
    return nn.Sequential(nn.Conv2d(before, after, 3, stride=(2, 1), padding=1), nn.BatchNorm2d(after), nn.ReLU())


def mel_bands(count: int) -> Tensor:
    """`(WINDOW // 2 + 1, count)`: SpeechBrain's triangles from 0 to 8 kHz."""
    made = Filterbank(n_mels=count, n_fft=WINDOW, sample_rate=SAMPLE_RATE_HZ, f_min=0, f_max=8_000, log_mel=False)
    bands: Tensor = made(torch.eye(WINDOW // 2 + 1)[None])[0]
    return bands
