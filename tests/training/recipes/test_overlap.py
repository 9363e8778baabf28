from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from speakerid import samples
from speakerid.audio.overlap import FRAMES, HEARD, OverlapDetector
from speakerid.training.recipes import overlap

pytestmark = pytest.mark.slow


def test_the_recipe_from_folders_to_a_detector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sample voices under many names; what is learned from them in two steps does not matter."""
    files = [file for voice in samples.voices().values() for file in voice.enroll[:2]]
    for number in range(53):
        folder = tmp_path / "librispeech" / "train" / f"{number:03}"
        folder.mkdir(parents=True)
        shutil.copy(files[number % len(files)], folder)
    for name in ("coffee", "words", "noise"):
        (tmp_path / name).mkdir()
        shutil.copy(files[0], tmp_path / name / f"one{files[0].suffix}")
    monkeypatch.setattr(overlap, "JUDGED", 8)
    out = tmp_path / "overlap.onnx"
    command = ["overlap", "--data", tmp_path, "--work", tmp_path / "work", "--out", out, "--steps", 2, "--workers", 0]
    monkeypatch.setattr(sys, "argv", [str(one) for one in command])
    overlap.main()
    assert "held-out speakers: average precision" in capsys.readouterr().out
    found = OverlapDetector(model=out).probabilities(np.zeros((1, HEARD), np.float32))
    assert found.shape == (1, FRAMES)
    assert ((found >= 0) & (found <= 1)).all()
