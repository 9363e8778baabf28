"""The parts of SpeechBrain that training and export use, imported once the torchaudio stand-in is in place."""

from __future__ import annotations

from speakerid.encoders.speechbrain_import import ensure_torchaudio

ensure_torchaudio()  # SpeechBrain imports torchaudio, so what follows cannot stand at the top (E402)

from speechbrain.inference.classifiers import EncoderClassifier  # noqa: E402  # after the stand-in
from speechbrain.lobes.features import Fbank  # noqa: E402  # after the stand-in
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN  # noqa: E402  # after the stand-in
from speechbrain.lobes.models.Xvector import Xvector  # noqa: E402  # after the stand-in
from speechbrain.nnet.losses import AdditiveAngularMargin  # noqa: E402  # after the stand-in
from speechbrain.nnet.pooling import StatisticsPooling  # noqa: E402  # after the stand-in
from speechbrain.processing.features import InputNormalization  # noqa: E402  # after the stand-in
from speechbrain.utils.fetching import fetch  # noqa: E402  # after the stand-in

__all__ = [
    "ECAPA_TDNN",
    "AdditiveAngularMargin",
    "EncoderClassifier",
    "Fbank",
    "InputNormalization",
    "StatisticsPooling",
    "Xvector",
    "fetch",
]
