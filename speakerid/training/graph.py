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
from speakerid.training.graph_ecapa import EcapaGraph
from speakerid.training.toolkit import ECAPA_TDNN, Fbank, InputNormalization, StatisticsPooling, Xvector


class WaveToEmbedding(nn.Module):
    """`(batch, samples)` float32 to `(batch, dim)`, rows L2-normalized.

    Raises `ExportUnsupported` for modules it does not know.
    """

    def __init__(self, features: nn.Module, normalization: nn.Module, model: nn.Module) -> None:
        super().__init__()
        self.features = FilterbankGraph(_known(features, Fbank))
        self.normalization = _normalization(normalization)
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

    window: Tensor
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
        left = (self.n_fft - len(stft.window)) // 2
        self.register_buffer("window", functional.pad(stft.window, (left, self.n_fft - len(stft.window) - left)))
        self.transform = PowerSpectrum(self.n_fft)
        self.register_buffer("mel", _mel(bank)[self.transform.bins])
        self.amin, self.top_db = float(bank.amin), float(bank.top_db)
        self.decibel, self.offset = float(bank.multiplier), float(bank.multiplier * bank.db_multiplier)

    def forward(self, wav: Tensor) -> Tensor:
        power = self.transform(self._frames(wav) * self.window) @ self.mel
        level = self.decibel / math.log(10) * torch.log(power.clamp(min=self.amin)) - self.offset
        return torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - self.top_db)

    def _frames(self, wav: Tensor) -> Tensor:
        """`(batch, 1 + samples // hop, n_fft)`: whole hops laid side by side, no gather."""
        hops = -(-self.n_fft // self.hop)
        count = wav.shape[1] // self.hop + 1
        padded = functional.pad(wav, (self.n_fft // 2, hops * self.hop))[:, : (count + hops - 1) * self.hop]
        pieces = padded.reshape(wav.shape[0], -1, self.hop)
        return torch.cat([pieces[:, i : i + count] for i in range(hops)], dim=2)[:, :, : self.n_fft]


class PowerSpectrum(nn.Module):
    """`(..., n)` to the power of the bins `self.bins`, even ones first, by products a quarter of the plain size.

    cos(2 pi k (n - t) / n) = cos(2 pi k t / n), and the sine is its negative, so a frame is folded in half before its
    product; about n / 4 the same holds up to a sign that depends on whether k is even, so it is folded once more.
    """

    bins: Tensor
    even_cos: Tensor
    odd_cos: Tensor
    even_sin: Tensor
    odd_sin: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        if n % 4:
            raise ExportUnsupported(f"Only an n_fft divisible by 4 is exported, not {n}.")
        self._half, self._quarter = n // 2, n // 4
        even, odd = torch.arange(0, n // 2 + 1, 2), torch.arange(1, n // 2 + 1, 2)
        self.register_buffer("bins", torch.cat([even, odd]))
        first, middle = torch.arange(self._quarter), torch.arange(self._quarter + 1)
        self.register_buffer("even_cos", torch.cos(_angle(middle, even, n)).float())
        self.register_buffer("odd_cos", torch.cos(_angle(first, odd, n)).float())
        self.register_buffer("even_sin", torch.sin(_angle(first[1:], even, n)).float())
        self.register_buffer("odd_sin", torch.sin(_angle(middle[1:], odd, n)).float())

    def forward(self, x: Tensor) -> Tensor:
        half, quarter = self._half, self._quarter
        front, back = x[..., 1:half], x[..., half + 1 :].flip(-1)
        plus = torch.cat([x[..., :1], front + back, x[..., half : half + 1]], dim=-1)  # times 0 to half
        minus = front - back  # times 1 to half - 1
        early, late = plus[..., :quarter], plus[..., quarter + 1 :].flip(-1)
        even_cos = torch.cat([early + late, plus[..., quarter : quarter + 1]], dim=-1) @ self.even_cos
        odd_cos = (early - late) @ self.odd_cos
        early, late = minus[..., : quarter - 1], minus[..., quarter:].flip(-1)
        even_sin = (early - late) @ self.even_sin
        odd_sin = torch.cat([early + late, minus[..., quarter - 1 : quarter]], dim=-1) @ self.odd_sin
        cosines, sines = torch.cat([even_cos, odd_cos], dim=-1), torch.cat([even_sin, odd_sin], dim=-1)
        return cosines * cosines + sines * sines


def _angle(times: Tensor, bins: Tensor, n: int) -> Tensor:
    return 2 * math.pi / n * torch.remainder(times[:, None] * bins, n).double()


def _mel(bank: Any) -> Tensor:
    bins = bank.all_freqs_mat.shape[1]
    central = bank.f_central.repeat(bins, 1).transpose(0, 1)
    width = bank.band.repeat(bins, 1).transpose(0, 1)
    return cast(Tensor, bank._create_fbank_matrix(central, width)).float()


def _normalization(module: nn.Module) -> nn.Module:
    layers = list(module.children())
    if [type(layer) for layer in layers] == [nn.Unflatten, nn.InstanceNorm2d, nn.Flatten]:
        return UtteranceNormalization(cast(nn.InstanceNorm2d, layers[1]))
    return SentenceNormalization(_known(module, InputNormalization))


class UtteranceNormalization(nn.Module):
    """One mean and one deviation for all frames and bands of a row: `InstanceNorm2d` on `(batch, 1, frames, mels)`."""

    def __init__(self, norm: nn.InstanceNorm2d) -> None:
        super().__init__()
        if norm.affine or norm.track_running_stats:
            raise ExportUnsupported("Only an InstanceNorm2d without weights and running statistics is exported.")
        self.eps = float(norm.eps)

    def forward(self, x: Tensor) -> Tensor:
        centered = x - x.mean(dim=(1, 2), keepdim=True)
        return centered / (centered.square().mean(dim=(1, 2), keepdim=True) + self.eps).sqrt()


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
