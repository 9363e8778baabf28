"""A classifier of the three tones that was not trained: its head is made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from speakerid.audio.decode import as_wav
from speakerid.classification.classifier import ClassifierCard, ClassifierFolder, TrainedClassifier
from speakerid.classification.heads import Head
from tests.classification.toys import RATE_HZ, TONES_HZ, ToneBackbone, whistle

NAME = "tones"
# The features are how loud each tone is: the loudest one wins.
HEAD = Head(
    labels=tuple(TONES_HZ),
    pooling="mean",
    center=np.zeros(3, np.float32),
    scale=np.ones(3, np.float32),
    weights=np.eye(3, dtype=np.float32),
    bias=np.zeros(3, np.float32),
    temperature=1.0,
    threshold=0.6,
)
CARD = ClassifierCard(
    name=NAME,
    backbone="tones",
    backbone_fingerprint=ToneBackbone().fingerprint,
    trained_on="nothing",
    license="CC0-1.0",
    figures={"accuracy": 100.0},
)


def write_tones(folder: Path, name: str = NAME, bias: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Path:
    """Save it as `folder / name`; `bias` favors tones."""
    head = replace(HEAD, bias=np.array(bias, np.float32))
    TrainedClassifier(CARD, head, ToneBackbone()).save(folder / name)
    return folder / name


def tones(folder: Path) -> ClassifierFolder:
    """A folder with `tones` in it."""
    write_tones(folder)
    return ClassifierFolder(folder, lambda name: ToneBackbone())


def whistled(label: str) -> bytes:
    """A WAV file in which one tone is heard."""
    return as_wav((whistle(label, speaker=1, take=0), RATE_HZ))
