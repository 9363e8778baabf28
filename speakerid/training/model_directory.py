"""A fine-tuned encoder as a SpeechBrain directory of its own, built beside its place and moved there when whole."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml
from torch import Tensor

from speakerid.encoders.speechbrain import CARD, WEIGHTS
from speakerid.encoders.speechbrain import fingerprint as fingerprint_of
from speakerid.encoders.speechbrain_source import HYPERPARAMS
from speakerid.training.errors import CheckpointWriteFailed, NotTrainable
from speakerid.training.work_folder import write_atomically, write_text

# How a directory of ours ends: no speaker classifier, weights beside the file.
MODULES = """\
classifier: !new:torch.nn.Identity

modules:
    compute_features: !ref <compute_features>
    mean_var_norm: !ref <mean_var_norm>
    embedding_model: !ref <embedding_model>
    classifier: !ref <classifier>

pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        embedding_model: !ref <embedding_model>
"""
# Published files name the hub in `pretrained_path`, and a classifier of the speakers they were trained on. The copy
# finds its weights beside itself and has no use for that classifier.
REPLACED = frozenset(
    {"name", "pretrained_path", "classifier", "mean_var_norm_emb", "label_encoder", "modules", "pretrainer"}
)


def standalone_yaml(base: str, name: str, base_name: str) -> str:
    """The front end and network of `base`, loading weights from its own directory. Raises `NotTrainable`."""
    entries = re.split(r"(?m)^(?=[A-Za-z_][\w-]*:)", base)[1:]  # what comes before the first entry is comment
    kept = [entry.rstrip() for entry in entries if entry.split(":", 1)[0] not in REPLACED]
    head = f"# Speaker encoder '{name}', fine-tuned from '{base_name}' by speakerid.\nname: {json.dumps(name)}\n"
    text = head + "\n" + "\n\n".join([*(_without_comments_below(entry) for entry in kept), MODULES])
    try:
        load_hyperpyyaml(text)
    except Exception as error:  # whatever building the model runs into
        reason = f"its hyperparams.yaml cannot be made to stand alone ({' '.join(str(error).split())})"
        raise NotTrainable(base_name, reason) from error
    return text


def _without_comments_below(entry: str) -> str:
    """A comment after an entry is about the one that followed it, which may be gone."""
    lines = entry.splitlines()
    while lines and (not lines[-1].strip() or lines[-1].startswith("#")):
        lines.pop()
    return "\n".join(lines)


def write_model(folder: Path, hyperparams: str, weights: Mapping[str, Tensor], card: Mapping[str, object]) -> str:
    """Everything but the graph; returns the fingerprint. Raises `CheckpointWriteFailed`."""
    folder.mkdir(parents=True, exist_ok=True)
    processor = {name: one.cpu() for name, one in weights.items()}  # loads where there is no accelerator
    write_text(folder / HYPERPARAMS, hyperparams)
    write_atomically(folder / WEIGHTS, lambda out: torch.save(processor, out))
    write_text(folder / CARD, json.dumps(dict(card), indent=2) + "\n")
    return fingerprint(folder)


def fingerprint(folder: Path) -> str:
    """Equal for equal encoders only."""
    return fingerprint_of(folder / HYPERPARAMS, folder / WEIGHTS)


def publish(made: Path, out: Path) -> None:
    """Moves the files of `made` into `out`, which needs no space on the disk."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file in sorted(made.iterdir()):
            os.replace(file, out / file.name)
        made.rmdir()
    except OSError as error:
        raise CheckpointWriteFailed(out, str(error)) from error
