"""Every protocol on real speech in the shape of VoxCeleb1: one worker, two, and a resumed run give the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.voxceleb_tree import make
from speakerid.evaluation.embedding.workers import (
    EmbeddedRecording,
    EmbeddingJob,
    RecordingEmbedder,
    UnusableRecording,
)
from speakerid.evaluation.voxceleb1 import Protocol, evaluate
from speakerid.settings import Settings
from tests.evaluation.shaped import run

PROTOCOLS: tuple[Protocol, ...] = ("O", "E", "H", "identification", "open-set")
TRAIN_SPEAKERS = 15
ABOUT_THE_RUN = {"command", "started_at", "work"}
BUNDLED = Settings(encoder="bundled")


@pytest.fixture(scope="module")
def tree(speech_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("voxceleb1")
    make(speech_root, root, TRAIN_SPEAKERS)
    return root


def figures(tree: Path, cache: Path, **options: Any) -> dict[str, Any]:
    """Those of all protocols, by name."""
    found: dict[str, Any] = {}
    for protocol in PROTOCOLS:
        asked = run(cache, settings=BUNDLED, **options)
        found[protocol] = evaluate(asked, tree, protocol, None, allow_contaminated=False).report.figures
    return found


@pytest.mark.slow
def test_every_protocol_and_every_way_give_the_same(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = figures(tree, tmp_path / "one")
    assert one["O"]["verification"].eer < 5.0  # five easy speakers; measured: 0
    assert one["E"]["verification"].speakers == 5 + TRAIN_SPEAKERS
    assert one["E"]["verification"].trials > one["H"]["verification"].trials > one["O"]["verification"].trials
    assert one["identification"]["gallery_search"].accuracy.top_1 > 80.0  # measured: 95
    assert one["open-set"]["open_set"].enrolled == (5 + TRAIN_SPEAKERS) // 2
    assert figures(tree, tmp_path / "two", workers=2) == one
    _interrupt(tree, tmp_path / "cut", monkeypatch)
    assert figures(tree, tmp_path / "cut") == one


@pytest.mark.slow
def test_ray_gives_the_same_on_the_command_line(tree: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra 'cluster'")
    answers = [
        _evaluate(tree, "--cache", str(tmp_path / name), *options)
        for name, options in (("local", ()), ("ray", ("--engine", "ray", "--workers", "2")))
    ]
    local, on_ray = ({name: one[name] for name in one.keys() - ABOUT_THE_RUN} for one in answers)
    assert {"eer", "min_dcf", "cllr", "intervals"} <= local.keys()
    assert local["trials"] > 1000
    assert on_ray == local


def _evaluate(tree: Path, *options: str) -> dict[str, Any]:
    asked = ["evaluate", "voxceleb1", "--root", str(tree), "--protocol", "E", "--json", *options]
    done = subprocess.run([sys.executable, "-m", "speakerid.cli", *asked], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _interrupt(tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that stops after 40 recordings."""
    real, count = RecordingEmbedder.embed, 0

    def embed(self: RecordingEmbedder, job: EmbeddingJob) -> EmbeddedRecording | UnusableRecording:
        nonlocal count
        count += 1
        if count > 40:
            raise KeyboardInterrupt
        return real(self, job)

    with monkeypatch.context() as broken:
        broken.setattr(RecordingEmbedder, "embed", embed)
        with pytest.raises(KeyboardInterrupt):
            figures(tree, cache)
    assert count == 41
