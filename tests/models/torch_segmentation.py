"""The segmentation model as PyTorch modules, with the names of the published weights."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

RATE_HZ = 16_000
TAPS = 251


class BandPasses(nn.Module):
    """Band-pass filters from their edges: each once with a cosine, once with a sine under its window."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.low_hz_ = nn.Parameter(torch.linspace(0, 6_000, bands)[:, None] + torch.randn(bands, 1))
        self.band_hz_ = nn.Parameter(300 + 50 * torch.randn(bands, 1))
        self.register_buffer("window_", torch.hamming_window(TAPS, periodic=False)[: TAPS // 2])
        self.register_buffer("n_", 2 * math.pi * torch.arange(-(TAPS // 2), 0.0)[None] / RATE_HZ)

    def forward(self, x: Tensor) -> Tensor:
        low = 50 + self.low_hz_.abs().double()
        high = (low + 50 + self.band_hz_.abs()).clamp(max=RATE_HZ / 2)
        time = torch.arange(-(TAPS // 2), TAPS // 2 + 1).double()[None] / RATE_HZ
        # An ideal band-pass is the difference of two low-passes; its value at 0 is scaled to 1.
        cosine = (high * torch.sinc(2 * high * time) - low * torch.sinc(2 * low * time)) / (high - low)
        swing = torch.cos(2 * math.pi * low * time) - torch.cos(2 * math.pi * high * time)
        sine = torch.where(time == 0, 0.0, swing / (2 * math.pi * (high - low) * torch.where(time == 0, 1.0, time)))
        left = self.get_buffer("window_").double()
        window = torch.cat([left, torch.ones(1).double(), left.flip(0)])
        filters = torch.cat([cosine * window, sine * window]).float()[:, None]
        return functional.conv1d(x, filters, stride=10)


class SincNet(nn.Module):
    def __init__(self, bands: int, channels: int) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        first = nn.Module()
        first.add_module("filterbank", BandPasses(bands))
        convolutions = [nn.Conv1d(2 * bands, channels, 5), nn.Conv1d(channels, channels, 5)]
        self.conv1d = nn.ModuleList([first, *convolutions])
        self.norm1d = nn.ModuleList([nn.InstanceNorm1d(n, affine=True) for n in (2 * bands, channels, channels)])

    def forward(self, wav: Tensor) -> Tensor:
        x = self.wav_norm1d(wav[:, None])
        for number, (convolution, norm) in enumerate(zip(self.conv1d, self.norm1d, strict=True)):
            x = self.conv1d[0].get_submodule("filterbank")(x).abs() if number == 0 else convolution(x)
            x = functional.leaky_relu(norm(functional.max_pool1d(x, 3)))
        return cast(Tensor, x)


class Segmenter(nn.Module):
    """`(batch, samples)` to `(batch, frames, 7)`, natural logarithms of probabilities."""

    def __init__(self, bands: int = 40, channels: int = 60, hidden: int = 128, layers: int = 4) -> None:
        super().__init__()
        self.sincnet = SincNet(bands, channels)
        self.lstm = nn.LSTM(channels, hidden, layers, batch_first=True, bidirectional=True)
        self.linear = nn.ModuleList([nn.Linear(2 * hidden, hidden), nn.Linear(hidden, hidden)])
        self.classifier = nn.Linear(hidden, 7)

    def forward(self, wav: Tensor) -> Tensor:
        x, _ = self.lstm(self.sincnet(wav).transpose(1, 2))
        for layer in self.linear:
            x = functional.leaky_relu(layer(x))
        answer: Tensor = self.classifier(x).log_softmax(-1)
        return answer


def tiny() -> Segmenter:
    with torch.random.fork_rng():
        torch.manual_seed(6)
        model = Segmenter(bands=4, channels=6, hidden=5, layers=2)
        for module in model.modules():
            if isinstance(module, nn.InstanceNorm1d):
                nn.init.normal_(module.weight, 1.0, 0.3)
                nn.init.normal_(module.bias, 0.0, 0.3)
        for name, values in model.named_parameters():  # answers of an untrained net are all alike otherwise
            if name.startswith(("lstm.weight", "linear", "classifier")):
                nn.init.normal_(values, 0.0, 1.0)
    return model.eval()
