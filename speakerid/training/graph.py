"""A SpeechBrain speaker model as one traceable graph from waveform to unit vector, without SpeechBrain's length masks.

Both ONNX exporters freeze the batch size where `length_to_mask` appears, so every forward here runs the same modules
mask-free. torch.stft becomes framing and one matrix product, which ONNX Runtime does fast and exactly.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerid.training.errors import ExportUnsupported
from speakerid.training.toolkit import (
    ECAPA_TDNN,
    AttentiveStatisticsPooling,
    Fbank,
    InputNormalization,
    SERes2NetBlock,
    StatisticsPooling,
    TDNNBlock,
    Xvector,
)


class WaveToEmbedding(nn.Module):
    """`(batch, samples)` float32 to `(batch, dim)`, rows L2-normalized.

    Raises `ExportUnsupported` for modules it does not know.
    """

    def __init__(self, features: nn.Module, normalization: nn.Module, model: nn.Module) -> None:
        super().__init__()
        self.features = FilterbankGraph(_known(features, Fbank))
        self.normalization = SentenceNormalization(_known(normalization, InputNormalization))
        self.model: nn.Module
        if isinstance(model, ECAPA_TDNN):
            self.model = EcapaGraph(model)
        else:
            self.model = XvectorGraph(_known(model, Xvector))

    def forward(self, wav: Tensor) -> Tensor:
        embedding = self.model(self.normalization(self.features(wav)))
        return cast(Tensor, embedding / embedding.norm(dim=1, keepdim=True).clamp(min=1e-12))


def _known(module: nn.Module, kind: type[Any]) -> Any:
    if not isinstance(module, kind):
        raise ExportUnsupported(f"{type(module).__name__} cannot be exported; expected {kind.__name__}.")
    return module


class FilterbankGraph(nn.Module):
    """SpeechBrain's `Fbank`: centered STFT, power, mel filters, decibels, floor below the utterance's peak."""

    dft: Tensor
    mel: Tensor

    def __init__(self, fbank: Any) -> None:
        super().__init__()
        stft, bank = fbank.compute_STFT, fbank.compute_fbanks
        plain = stft.center and stft.pad_mode == "constant" and stft.onesided and not stft.normalized_stft
        if not plain or fbank.deltas or fbank.context or not bank.log_mel or not bank.freeze:
            raise ExportUnsupported(
                "Only Fbank with a centered one-sided STFT, log mels, no deltas, no context is exported."
            )
        self.n_fft, self.hop = int(stft.n_fft), int(stft.hop_length)
        self.register_buffer("dft", _dft(stft.window.double(), self.n_fft).float())
        self.register_buffer("mel", _mel(bank))
        self.amin, self.top_db = float(bank.amin), float(bank.top_db)
        self.decibel, self.offset = float(bank.multiplier), float(bank.multiplier * bank.db_multiplier)

    def forward(self, wav: Tensor) -> Tensor:
        spectrum = self._frames(wav) @ self.dft
        real, imaginary = spectrum.chunk(2, dim=2)
        power = (real * real + imaginary * imaginary) @ self.mel
        level = self.decibel / math.log(10) * torch.log(power.clamp(min=self.amin)) - self.offset
        return torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - self.top_db)

    def _frames(self, wav: Tensor) -> Tensor:
        """`(batch, 1 + samples // hop, n_fft)`: whole hops laid side by side, no gather."""
        hops = -(-self.n_fft // self.hop)
        count = wav.shape[1] // self.hop + 1
        padded = functional.pad(wav, (self.n_fft // 2, hops * self.hop))[:, : (count + hops - 1) * self.hop]
        pieces = padded.reshape(wav.shape[0], -1, self.hop)
        return torch.cat([pieces[:, i : i + count] for i in range(hops)], dim=2)[:, :, : self.n_fft]


def _dft(window: Tensor, n_fft: int) -> Tensor:
    """`(n_fft, 2 * bins)`, window included, cosines then sines; computed in double precision."""
    left = (n_fft - len(window)) // 2
    padded = functional.pad(window, (left, n_fft - len(window) - left))
    sample = torch.arange(n_fft, dtype=torch.float64)[:, None]
    angle = 2 * math.pi / n_fft * torch.remainder(sample * torch.arange(n_fft // 2 + 1, dtype=torch.float64), n_fft)
    return padded[:, None] * torch.cat([angle.cos(), -angle.sin()], dim=1)


def _mel(bank: Any) -> Tensor:
    bins = bank.all_freqs_mat.shape[1]
    central = bank.f_central.repeat(bins, 1).transpose(0, 1)
    width = bank.band.repeat(bins, 1).transpose(0, 1)
    return cast(Tensor, bank._create_fbank_matrix(central, width)).float()


class SentenceNormalization(nn.Module):
    def __init__(self, normalization: Any) -> None:
        super().__init__()
        if normalization.norm_type != "sentence":
            raise ExportUnsupported(f"Only sentence normalization is exported, not {normalization.norm_type!r}.")
        self.std_norm, self.epsilon = bool(normalization.std_norm), float(normalization.epsilon)

    def forward(self, x: Tensor) -> Tensor:
        centered = x - x.mean(dim=1, keepdim=True)
        if not self.std_norm:
            return centered
        return centered / centered.square().mean(dim=1, keepdim=True).sqrt().clamp(min=self.epsilon)


class EcapaGraph(nn.Module):
    def __init__(self, net: ECAPA_TDNN) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        outputs = []
        for block in self.net.blocks:
            x = block(x) if isinstance(block, TDNNBlock) else cast(SERes2NetBlock, block)(x)
            outputs.append(x)
        x = _pool(self.net.asp, self.net.mfa(torch.cat(outputs[1:], dim=1)))
        return cast(Tensor, self.net.fc(self.net.asp_bn(x))[:, :, 0])


def _pool(layer: AttentiveStatisticsPooling, x: Tensor) -> Tensor:
    """The context part of the first layer is constant in time: its product is taken once, not once a frame."""
    conv, channels = layer.tdnn.conv.conv, x.shape[1]
    attention = functional.conv1d(x, conv.weight[:, :channels], conv.bias)
    if layer.global_context:
        mean = x.mean(dim=2, keepdim=True)
        deviation = (x - mean).square().mean(dim=2, keepdim=True).clamp(min=layer.eps).sqrt()
        attention = attention + functional.conv1d(torch.cat([mean, deviation], dim=1), conv.weight[:, channels:])
    attention = torch.tanh(layer.tdnn.norm(layer.tdnn.activation(attention)))
    weights = torch.softmax(layer.conv(attention), dim=2)
    mean = (weights * x).sum(dim=2, keepdim=True)
    deviation = (weights * (x - mean).square()).sum(dim=2, keepdim=True).clamp(min=layer.eps).sqrt()
    return torch.cat([mean, deviation], dim=1)


class XvectorGraph(nn.Module):
    """SpeechBrain adds noise of 1e-5 to 9e-5 to the pooled mean; here it is its middle."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.net.blocks:
            x = _statistics(layer, x) if isinstance(layer, StatisticsPooling) else layer(x)
        return x[:, 0]


def _statistics(layer: Any, x: Tensor) -> Tensor:
    if not (layer.return_mean and layer.return_std):
        raise ExportUnsupported("Only statistics pooling with mean and standard deviation is exported.")
    mean = x.mean(dim=1, keepdim=True)
    variance = (x - mean).square().sum(dim=1, keepdim=True) / (x.shape[1] - 1)
    return torch.cat([mean + 5 * layer.eps, variance.sqrt() + layer.eps], dim=2)
