from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from speakerid import samples
from speakerid.cli.server.child_server import running
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set for their own server must not reach a test; where there are no models is kept."""
    for name in [name for name in os.environ if name.startswith("SPEAKERID_") and name != "SPEAKERID_MODELS"]:
        monkeypatch.delenv(name)


@pytest.fixture
def speakerid(tmp_path: Path) -> Command:
    """On a store that does not exist yet."""
    return Command(tmp_path / "voices.db")


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
