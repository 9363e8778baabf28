"""Workers give the same figures with the bundled encoder, in every protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from speakerid.evaluation.voxceleb1 import Protocol, evaluate
from speakerid.settings import Settings
from tests.evaluation.shaped import run, voices, write_split, write_trials

PROTOCOLS: tuple[Protocol, ...] = ("O", "identification", "open-set")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = voices(tmp_path_factory.mktemp("voxceleb1"))
    write_trials(root / "veri_test2.txt")
    write_split(root / "iden_split.txt")
    return root


def figures(tree: Path, cache: Path, **options: Any) -> dict[str, Any]:
    """Those of all protocols, by name."""
    runs = {name: run(cache, settings=Settings(encoder="bundled"), **options) for name in PROTOCOLS}
    return {name: evaluate(one, tree, name, None, allow_contaminated=True).report.figures for name, one in runs.items()}


@pytest.mark.slow
def test_two_workers_give_the_figures_of_one(tree: Path, tmp_path: Path) -> None:
    one = figures(tree, tmp_path / "one")
    assert one["O"]["verification"].eer < 5.0  # seven synthesized voices are easy
    assert one["identification"]["gallery_search"].accuracy.top_1 == 100.0
    assert figures(tree, tmp_path / "two", workers=2) == one
