"""A SpeechBrain speaker model as one traceable graph from waveform to unit vector, without SpeechBrain's length masks.

Both ONNX exporters freeze the batch size where `length_to_mask` appears, so every forward here runs the same modules
mask-free. torch.stft becomes framing and matrix products, which ONNX Runtime does fast and exactly.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from speakerid.training.errors import ExportUnsupported
from speakerid.training.toolkit import ECAPA_TDNN, Fbank, InputNormalization, StatisticsPooling, Xvector


class WaveToVector(nn.Module):
    """`(batch, samples)` float32 to `(batch, dim)`, as `encode_batch` gives it.

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
        return cast(Tensor, self.model(self.normalization(self.features(wav))))


class WaveToEmbedding(WaveToVector):
    """Rows L2-normalized."""

    def forward(self, wav: Tensor) -> Tensor:
        embedding = super().forward(wav)
        return cast(Tensor, embedding / embedding.norm(dim=1, keepdim=True).clamp(min=1e-12))


class WaveToLogits(nn.Module):
    """`(batch, samples)` float32 to `(batch, labels)`: `scale` times what `classify_batch` gives."""

    def __init__(self, vector: WaveToVector, classifier: nn.Module, scale: float) -> None:
        super().__init__()
        self.vector, self.classifier, self.scale = vector, classifier, scale

    def forward(self, wav: Tensor) -> Tensor:
        found = self.classifier(self.vector(wav)[:, None, :])
        return cast(Tensor, self.scale * found.flatten(start_dim=1))


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
        self.transform = Spectrum(self.n_fft)
        self.register_buffer("mel", _mel(bank)[self.transform.bins])
        self.amin, self.top_db = float(bank.amin), float(bank.top_db)
        self.decibel, self.offset = float(bank.multiplier), float(bank.multiplier * bank.db_multiplier)

    def forward(self, wav: Tensor) -> Tensor:
        power = self.transform(self._frames(wav) * self.window).square() @ self.mel
        level = self.decibel / math.log(10) * torch.log(power.clamp(min=self.amin)) - self.offset
        return torch.maximum(level, level.amax(dim=(1, 2), keepdim=True) - self.top_db)

    def _frames(self, wav: Tensor) -> Tensor:
        """`(batch, 1 + samples // hop, n_fft)`: whole hops laid side by side, no gather."""
        hops = -(-self.n_fft // self.hop)
        count = wav.shape[1] // self.hop + 1
        padded = functional.pad(wav, (self.n_fft // 2, hops * self.hop))[:, : (count + hops - 1) * self.hop]
        pieces = padded.reshape(wav.shape[0], -1, self.hop)
        starts = range(0, self.n_fft, self.hop)
        return torch.cat([pieces[:, i : i + count, : self.n_fft - start] for i, start in enumerate(starts)], dim=2)


class Spectrum(nn.Module):
    """`(..., n)` to the real and imaginary parts of the bins `self.bins`, by products of half and a quarter of `n`.

    Decimation in frequency: exp(-2 pi i k (t + n / 2) / n) is exp(-2 pi i k t / n) times (-1)^k, so the odd bins follow
    from the difference of a frame's halves and the even ones, in the same way once more, from their sum.
    """

    bins: Tensor
    odd: Tensor
    twice_odd: Tensor
    rest: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        if n % 4:
            raise ExportUnsupported(f"Only an n_fft divisible by 4 is exported, not {n}.")
        self._sizes = (n // 2, n // 4)
        bins = [torch.arange(1, n // 2 + 1, 2), torch.arange(2, n // 2 + 1, 4), torch.arange(0, n // 2 + 1, 4)]
        for name, size, part in zip(("odd", "twice_odd", "rest"), (n // 2, n // 4, n // 4), bins, strict=True):
            self.register_buffer(name, _waves(size, part, n))
        self.register_buffer("bins", torch.cat([part.repeat(2) for part in bins]))

    def forward(self, x: Tensor) -> Tensor:
        half, quarter = self._sizes
        early, late = x[..., :half], x[..., half:]
        sums = early + late
        first, second = sums[..., :quarter], sums[..., quarter:]
        parts = [(early - late) @ self.odd, (first - second) @ self.twice_odd, (first + second) @ self.rest]
        return torch.cat(parts, dim=-1)


def _waves(size: int, bins: Tensor, n: int) -> Tensor:
    """`(size, 2 bins)`: cosines, then sines."""
    angle = 2 * math.pi / n * torch.remainder(torch.arange(size)[:, None] * bins, n).double()
    return torch.cat([torch.cos(angle), torch.sin(angle)], dim=1).float()


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


class EcapaGraph(nn.Module):
    """`(batch, frames, mels)` to `(batch, dim)` through the layers of SpeechBrain's `ECAPA_TDNN`."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        outputs = [x.transpose(1, 2)]
        for block in self.net.blocks:
            outputs.append(block(outputs[-1]))
        pooled = _attentive_statistics(self.net.asp, self.net.mfa(torch.cat(outputs[2:], dim=1)))
        return cast(Tensor, self.net.fc(self.net.asp_bn(pooled)))[:, :, 0]


def _attentive_statistics(layer: Any, x: Tensor) -> Tensor:
    """Weighted mean and deviation over time, `(batch, 2 channels, 1)`.

    The context part of the attention is constant in time, so its product is taken once and not once a frame.
    """
    conv, channels = layer.tdnn.conv.conv, x.shape[1]
    attention = functional.conv1d(x, conv.weight[:, :channels], conv.bias)
    if layer.global_context:
        mean = x.mean(dim=2, keepdim=True)
        deviation = (x - mean).square().mean(dim=2, keepdim=True).clamp(min=layer.eps).sqrt()
        attention = attention + functional.conv1d(torch.cat([mean, deviation], dim=1), conv.weight[:, channels:])
    attention = layer.tdnn.norm(layer.tdnn.activation(attention))
    weights = torch.softmax(layer.conv(torch.tanh(attention)), dim=2)
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
