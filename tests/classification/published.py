"""Tiny classifiers with random weights, laid out as the published ones of SpeechBrain are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from speakerid.encoders.speechbrain import SpeechBrainEncoder
from speakerid.encoders.speechbrain_import import ensure_torchaudio, forget_redirects
from tests.encoders import tiny_models
from tests.encoders.voices import HIGH, LOW, speak

ensure_torchaudio()

from speechbrain.dataio.encoder import CategoricalEncoder  # noqa: E402  # after the stand-in
from speechbrain.lobes.models import ECAPA_TDNN, Xvector  # noqa: E402  # after the stand-in
from speechbrain.processing.features import InputNormalization  # noqa: E402  # after the stand-in

forget_redirects()

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", "unknown", "silence")
LANGUAGES = ("en: English", "de: German", "th: Thai", "sw: Swahili")
MOODS = ("neu", "ang", "hap", "sad")
LOGARITHMS = """\
classifier: !new:speechbrain.lobes.models.Xvector.Classifier
    input_shape: [null, null, 24]
    activation: !name:torch.nn.LeakyReLU
    lin_blocks: 1
    lin_neurons: 16
    out_neurons: {labels}
"""
COSINES = """\
classifier: !new:speechbrain.lobes.models.ECAPA_TDNN.Classifier
    input_size: 24
    out_neurons: {labels}
"""
PRETRAINER = """\
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder
modules:
    compute_features: !ref <compute_features>
    mean_var_norm: !ref <mean_var_norm>
    embedding_model: !ref <embedding_model>
    classifier: !ref <classifier>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
        mean_var_norm: !ref <mean_var_norm>
        classifier: !ref <classifier>
        label_encoder: !ref <label_encoder>
    paths:
        embedding_model: !ref <pretrained_path>/embedding_model.ckpt
        mean_var_norm: !ref <pretrained_path>/mean_var_norm.ckpt
        classifier: !ref <pretrained_path>/classifier.ckpt
        label_encoder: !ref <pretrained_path>/label_encoder.txt
"""
INTERFACE = """\
import torch
from speechbrain.inference.interfaces import Pretrained


class CustomEncoderWav2vec2Classifier(Pretrained):
    def classify_batch(self, wavs, wav_lens=None):
        frames = self.mods.wav2vec2(wavs.unsqueeze(1)).abs().transpose(1, 2)
        pooled = self.mods.avg_pool(frames, torch.ones(len(wavs))).view(len(wavs), -1)
        found = self.hparams.softmax(self.mods.output_mlp(pooled))
        score, index = torch.max(found, dim=-1)
        return found, score, index, self.hparams.label_encoder.decode_torch(index)
"""
WAV2VEC2 = """\
pretrained_path: speechbrain/emotion-recognition-wav2vec2-IEMOCAP
sample_rate: 16000
wav2vec2: !new:torch.nn.Conv1d
    in_channels: 1
    out_channels: 8
    kernel_size: 400
    stride: 160
avg_pool: !new:speechbrain.nnet.pooling.StatisticsPooling
    return_std: False
output_mlp: !new:speechbrain.nnet.linear.Linear
    input_size: 8
    n_neurons: 4
    bias: False
softmax: !new:speechbrain.nnet.activations.Softmax
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder
modules:
    wav2vec2: !ref <wav2vec2>
    avg_pool: !ref <avg_pool>
    output_mlp: !ref <output_mlp>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        label_encoder: !ref <label_encoder>
    paths:
        label_encoder: !ref <pretrained_path>/label_encoder.txt
"""


def write_commands(directory: Path) -> Path:
    """An x-vector, whose classifier gives logarithms of probabilities: `speechbrain/google_speech_command_xvector`."""
    tiny_models.write_xvector(directory)
    head = Xvector.Classifier(input_shape=[None, None, 24], lin_blocks=1, lin_neurons=16, out_neurons=len(COMMANDS))
    return _completed(directory, "google_speech_command_xvector", head, LOGARITHMS, COMMANDS)


def write_languages(directory: Path) -> Path:
    """An ECAPA-TDNN with such a classifier: `speechbrain/lang-id-voxlingua107-ecapa`."""
    tiny_models.write_ecapa(directory)
    head = Xvector.Classifier(input_shape=[None, None, 24], lin_blocks=1, lin_neurons=16, out_neurons=len(LANGUAGES))
    return _completed(directory, "lang-id-voxlingua107-ecapa", head, LOGARITHMS, LANGUAGES)


def write_cosines(directory: Path) -> Path:
    """An ECAPA-TDNN whose classifier gives cosines: `speechbrain/lang-id-commonlanguage_ecapa`."""
    tiny_models.write_ecapa(directory)
    head = ECAPA_TDNN.Classifier(24, out_neurons=len(LANGUAGES))
    return _completed(directory, "lang-id-commonlanguage_ecapa", head, COSINES, LANGUAGES)


def write_moods(directory: Path) -> Path:
    """A model with an interface of its own: `speechbrain/emotion-recognition-wav2vec2-IEMOCAP`."""
    directory.mkdir(parents=True)
    (directory / "hyperparams.yaml").write_text(f"__seed: !apply:torch.manual_seed [5]\n{WAV2VEC2}")
    (directory / "custom_interface.py").write_text(INTERFACE)
    write_labels(directory, MOODS)
    return directory


def _completed(directory: Path, name: str, head: torch.nn.Module, lines: str, labels: Sequence[str]) -> Path:
    voices = torch.stack([torch.from_numpy(speak(voice, 1.0, seed)) for voice in (LOW, HIGH) for seed in range(4)])
    embeddings = SpeechBrainEncoder.load(str(directory)).classifier.encode_batch(voices)
    yaml = directory / "hyperparams.yaml"
    front, _, _ = yaml.read_text().partition("modules:")
    origin = f"pretrained_path: speechbrain/{name}\n" + front.partition("\n")[2]
    yaml.write_text(origin + lines.format(labels=len(labels)) + PRETRAINER)
    torch.save(_settled(head, embeddings), directory / "classifier.ckpt")
    InputNormalization(norm_type="sentence", std_norm=False)._save(directory / "mean_var_norm.ckpt")
    write_labels(directory, labels)
    return directory


def _settled(head: torch.nn.Module, embeddings: torch.Tensor) -> dict[str, torch.Tensor]:
    """Batch norms that have seen `embeddings (n, 1, dim)`, so that the answer depends on the voice."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(3)
        for one in head.parameters():
            torch.nn.init.normal_(one, std=0.5)
        for _ in range(60):
            head(embeddings)
    return head.state_dict()


def write_labels(directory: Path, labels: Sequence[str]) -> None:
    encoder = CategoricalEncoder()
    encoder.update_from_iterable(labels)
    encoder.save(directory / "label_encoder.txt")


def said() -> list[torch.Tensor]:
    return [torch.from_numpy(speak(voice, seconds, 7)) for voice in (LOW, HIGH) for seconds in (0.6, 1.0, 2.3)]
