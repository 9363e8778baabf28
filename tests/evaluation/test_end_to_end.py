"""Every protocol on real speech in the shape of VoxCeleb1: one worker, two, and a resumed run give the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from speakerid.evaluation.contamination import Protocol
from speakerid.evaluation.embedding.heard import Heard, Job, Listener, Unheard
from speakerid.evaluation.make_voxceleb_tree import make
from speakerid.evaluation.voxceleb1 import evaluate
from speakerid.settings import Settings
from tests.evaluation.shaped import run

PROTOCOLS: tuple[Protocol, ...] = ("O", "E", "H", "identification", "open-set")
TRAIN_SPEAKERS = 15
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


def _interrupt(tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that stops after 40 recordings."""
    real, count = Listener.hear, 0

    def hear(self: Listener, job: Job) -> Heard | Unheard:
        nonlocal count
        count += 1
        if count > 40:
            raise KeyboardInterrupt
        return real(self, job)

    with monkeypatch.context() as broken:
        broken.setattr(Listener, "hear", hear)
        with pytest.raises(KeyboardInterrupt):
            figures(tree, cache)
    assert count == 41
