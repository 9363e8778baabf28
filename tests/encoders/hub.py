"""The model hub, without a network."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError


class Hub:
    """One directory is published under any name, or nothing can be reached; `silent_s` pass before any answer."""

    def __init__(self, directory: Path | None, silent_s: float = 0.0) -> None:
        self.directory = directory
        self.silent_s = silent_s
        self.asked: list[tuple[str, str]] = []

    @classmethod
    def instead(cls, monkeypatch: pytest.MonkeyPatch, directory: Path | None, silent_s: float = 0.0) -> Hub:
        hub = cls(directory, silent_s)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", hub.download)
        monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", hub.metadata)
        return hub

    def download(self, *, repo_id: str, filename: str, **_: Any) -> str:
        self.asked.append((repo_id, filename))
        if self.directory is None:
            raise LocalEntryNotFoundError("cannot reach the hub")
        return str(self.directory / filename)

    def metadata(self, url: str, **_: Any) -> None:
        time.sleep(self.silent_s)
        if self.directory is None:
            raise LocalEntryNotFoundError(f"cannot reach {url}")
