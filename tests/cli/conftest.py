from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from speakerid import samples
from speakerid.classification.backbones import EncoderBackbone
from speakerid.classification.classifier import ClassifierCard, TrainedClassifier
from speakerid.classification.heads import Head
from speakerid.cli.server.child_server import running
from speakerid.encoders.fake import FakeEncoder
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN
from tests.transcription.tiny import TINY


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set for their own server must not reach a test; where there are no models is kept."""
    for name in [name for name in os.environ if name.startswith("SPEAKERID_") and name != "SPEAKERID_MODELS"]:
        monkeypatch.delenv(name)


@pytest.fixture
def speakerid(tmp_path: Path) -> Command:
    """On a store that does not exist yet."""
    return Command(tmp_path / "voices.db")


@pytest.fixture
def empty(speakerid: Command) -> Command:
    """On a store of its own in which nobody is."""
    assert speakerid("db", "upgrade").code == 0
    return speakerid


@pytest.fixture(scope="session")
def _enrolled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    command = Command(tmp_path_factory.mktemp("cli") / "enrolled.db")
    for voice in (ADA, BEN):
        assert command("enroll", voice, *samples.voices()[voice].enroll).code == 0
    return command.store


@pytest.fixture
def enrolled(_enrolled_store: Path, tmp_path: Path) -> Command:
    """On a store of its own where ADA and BEN are enrolled."""
    return Command(Path(shutil.copy(_enrolled_store, tmp_path / "voices.db")))


@pytest.fixture(scope="session")
def served(_enrolled_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A copy of the same store, with a server on it."""
    store = Path(shutil.copy(_enrolled_store, tmp_path_factory.mktemp("served") / "voices.db"))
    with running(store, "fake") as url:
        yield Served(store, url)


def _write_classifier(folder: Path) -> None:
    """It says `yes` to everything, with probability 0.88."""
    backbone, one = EncoderBackbone(FakeEncoder()), np.ones(FakeEncoder().dim, np.float32)
    weights, bias = np.zeros((2, len(one)), np.float32), np.array([2.0, 0.0], np.float32)
    head = Head(("yes", "no"), "mean", 0 * one, one, weights, bias, temperature=1.0, threshold=0.5)
    card = ClassifierCard(folder.name, backbone.name, backbone.fingerprint)
    TrainedClassifier(card, head, backbone).save(folder)


@pytest.fixture(scope="session")
def equipped(_enrolled_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The same for clients that others wrote: with a classifier `agreement`, and a transcriber if one is installed."""
    folder = tmp_path_factory.mktemp("equipped")
    store = Path(shutil.copy(_enrolled_store, folder / "voices.db"))
    _write_classifier(folder / "models" / "classifiers" / "agreement")
    settings = {"SPEAKERID_MODELS": str(folder / "models")} | ({"SPEAKERID_TRANSCRIBER": TINY} if TINY else {})
    with running(store, "fake", **settings) as url:
        yield Served(store, url)
