"""Hugging Face's client for JavaScript, from its package as it is, against the real service."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speakerid import samples
from tests.cli.command import Served
from tests.sampled import ADA, BEN

pytestmark = pytest.mark.slow
PACKAGE = "@huggingface/inference@4.13.30"
SCRIPT = Path(__file__).with_name("audio_classification.mjs")
PROBE = samples.voices()[ADA].probes[0]
PATIENCE_S = 300
Ask = Callable[[str], Any]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script beside the package, which is where Node.js looks for it."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("node")
    if npm is None:
        pytest.skip("needs npm, which is not here")
    install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE]
    try:
        ran = subprocess.run(install, capture_output=True, text=True, timeout=PATIENCE_S, cwd=folder)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm does not get {PACKAGE} here: no answer")
    if ran.returncode:
        pytest.skip(f"npm does not get {PACKAGE} here: {(ran.stderr.splitlines() or [''])[-1]}")
    return Path(shutil.copy(SCRIPT, folder))


@pytest.fixture
def ask(program: Path, equipped: Served) -> Ask:
    def run(name: str) -> Any:
        command = ["node", str(program), f"{equipped.url}/hf/{name}", str(PROBE)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return run


def test_it_gets_the_speakers_of_a_gallery(ask: Ask) -> None:
    found = ask("default")["found"]
    assert found[0]["label"] == ADA
    assert {one["label"] for one in found} == {ADA, BEN, "unknown"}
    assert sum(one["score"] for one in found) == pytest.approx(1.0)


def test_it_gets_the_labels_of_a_classifier(ask: Ask) -> None:
    assert [one["label"] for one in ask("models/agreement")["found"]] == ["yes", "no"]


def test_it_shows_the_sentence_of_an_error(ask: Ask) -> None:
    answer = ask("nothing")
    assert answer["name"] == "ProviderApiError"
    assert "There is no gallery and no classifier 'nothing'." in answer["message"]
    assert answer["status"] == 404
