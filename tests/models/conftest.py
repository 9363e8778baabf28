from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.wheels import Served


@pytest.fixture
def index(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A package index without network: pip reads nothing but a local folder."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(served.folder))
    return served


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip cannot be asked anything: whoever passes does without."""
    monkeypatch.setattr("speakerid.models.fetch.subprocess.run", _forbidden)


def _forbidden(*_: object, **__: object) -> None:
    raise AssertionError("pip was asked")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"
