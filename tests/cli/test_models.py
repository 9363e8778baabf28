from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.encoders.tiny_models import write_ecapa


@pytest.mark.slow
def test_a_model_is_exported(speakerid: Command, tmp_path: Path) -> None:
    out = tmp_path / "made.onnx"
    ran = speakerid("models", "export", write_ecapa(tmp_path / "tiny"), out, "--json")
    assert (ran.code, ran.json["path"]) == (0, str(out))
    assert ran.json["worst_cosine"] > 0.99999
    assert out.is_file()


def test_a_missing_model_is_wrong_usage(speakerid: Command, tmp_path: Path) -> None:
    assert speakerid("models", "export", tmp_path / "no", tmp_path / "out.onnx").code == 2
