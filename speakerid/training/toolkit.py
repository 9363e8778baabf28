"""The parts of SpeechBrain that training and export use, imported once the torchaudio stand-in is in place."""

from __future__ import annotations

from speakerid.encoders.torchaudio_standin import ensure_torchaudio

ensure_torchaudio()  # SpeechBrain imports torchaudio, so what follows cannot stand at the top (E402)

from speechbrain.inference.classifiers import EncoderClassifier  # noqa: E402  # after the stand-in
from speechbrain.lobes.features import Fbank  # noqa: E402  # after the stand-in
from speechbrain.lobes.models.ECAPA_TDNN import (  # noqa: E402  # after the stand-in
    ECAPA_TDNN,
    AttentiveStatisticsPooling,
    SEBlock,
    SERes2NetBlock,
    TDNNBlock,
)
from speechbrain.lobes.models.Xvector import Xvector  # noqa: E402  # after the stand-in
from speechbrain.nnet.pooling import StatisticsPooling  # noqa: E402  # after the stand-in
from speechbrain.processing.features import Filterbank, InputNormalization  # noqa: E402  # after the stand-in

__all__ = [
    "ECAPA_TDNN",
    "AttentiveStatisticsPooling",
    "EncoderClassifier",
    "Fbank",
    "Filterbank",
    "InputNormalization",
    "SEBlock",
    "SERes2NetBlock",
    "StatisticsPooling",
    "TDNNBlock",
    "Xvector",
]
