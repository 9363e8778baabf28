"""The student: SpeechBrain's ECAPA-TDNN and front end, described by one hyperparams.yaml that plain SpeechBrain loads.

The front end keeps only the loudest `top_db` decibels of each utterance. With SpeechBrain's usual 80 dB, digital
silence between words dominates the mean-normalized features: a model trained so gave cosine 1.0 between other speakers.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template
from typing import cast

import torch
from hyperpyyaml import load_hyperpyyaml
from torch import Tensor, nn

from speakerid.training.model_directory import MODULES
from speakerid.training.toolkit import ECAPA_TDNN

YAML = Template(
    """\
# Speaker encoder '$name' by the speakerid training recipe; EncoderClassifier.from_hparams(source=DIRECTORY) loads it.
name: $name
sample_rate: 16000
n_mels: $n_mels
embedding_size: $dim

compute_features: !new:speechbrain.lobes.features.Fbank
    sample_rate: !ref <sample_rate>
    n_mels: !ref <n_mels>
    n_fft: $n_fft
    win_length: $window_ms
    hop_length: $hop_ms

# Fbank does not pass this on: features end this many dB below the utterance's peak, whatever the noise floor is.
features_floor: !apply:setattr [!ref <compute_features.compute_fbanks>, top_db, $top_db]

# One mean and one deviation for the whole utterance: a mean per band would remove the voice's long-term spectrum too.
mean_var_norm: !new:speechbrain.nnet.containers.LengthsCapableSequential
    add_channel: !new:torch.nn.Unflatten
        dim: 1
        unflattened_size: [1, -1]
    normalize: !new:torch.nn.InstanceNorm2d
        num_features: 1
    drop_channel: !new:torch.nn.Flatten
        start_dim: 1
        end_dim: 2

embedding_model: !new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN
    input_size: !ref <n_mels>
    channels: [$channels, $channels, $channels, $channels, $pooled]
    kernel_sizes: [5, 3, 3, 3, 1]
    dilations: [1, 2, 3, 4, 1]
    res2net_scale: $res2net_scale
    attention_channels: $attention_channels
    se_channels: $se_channels
    lin_neurons: !ref <embedding_size>

"""
    + MODULES
)


@dataclass(frozen=True)
class StudentOptions:
    name: str = "ecapa-mini"
    channels: int = 192
    pooled: int = 384
    attention_channels: int = 64
    se_channels: int = 64
    res2net_scale: int = 8
    dim: int = 256
    n_mels: int = 80
    n_fft: int = 512
    window_ms: int = 32
    hop_ms: int = 25
    top_db: float = 50.0


class Student(nn.Module):
    """Waveforms `(batch, samples)` at 16 kHz to features to embeddings `(batch, dim)`, not normalized."""

    def __init__(self, options: StudentOptions) -> None:
        super().__init__()
        loaded = load_hyperpyyaml(hyperparams_yaml(options))
        self.compute_features = cast(nn.Module, loaded["compute_features"])
        self.mean_var_norm = cast(nn.Module, loaded["mean_var_norm"])
        self.embedding_model = cast(ECAPA_TDNN, loaded["embedding_model"])

    @torch.no_grad()
    def features(self, waves: Tensor) -> Tensor:
        """`(batch, frames, mels)`, every row of full length."""
        features: Tensor = self.mean_var_norm(self.compute_features(waves))
        return features

    def forward(self, waves: Tensor) -> Tensor:
        out: Tensor = self.embedding_model(self.features(waves))
        return out.squeeze(1)


def hyperparams_yaml(options: StudentOptions) -> str:
    return YAML.substitute(vars(options))
