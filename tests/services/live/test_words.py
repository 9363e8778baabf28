"""Words of classifiers beside the turns of a live stream."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speakerid.classification.classifier import ClassifierFolder
from speakerid.classification.material import read_material
from speakerid.classification.training import train
from speakerid.errors import ClassifierNotFound
from speakerid.services.engine import Engine
from speakerid.services.live.listen import LiveOptions, listen
from speakerid.types.live import Ready, SpottedWord, StreamDone
from tests.classification.toys import ToneBackbone, whistle, write_material


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def words(engine: Engine, tmp_path: Path) -> Engine:
    """With a classifier of whistles: low and high are words, middle is none."""
    material = write_material(tmp_path / "material")
    (material / "middle").rename(material / "unknown")
    train("whistles", read_material(material), ToneBackbone()).classifier.save(tmp_path / "kept" / "whistles")
    return replace(engine, classifiers=ClassifierFolder(tmp_path / "kept", lambda _: ToneBackbone()))


def stream() -> bytes:
    between = whistle("middle", 7, 0, seconds=1.5)
    audio = np.concatenate([between, whistle("low", 8, 0), between, whistle("high", 8, 0), between])
    return (audio * 32_767).astype("<i2").tobytes()


def test_words_come_once_each_between_ready_and_done(words: Engine) -> None:
    events = list(listen(words, "default", [stream()], LiveOptions(classifiers=("whistles",))))
    assert isinstance(events[0], Ready)
    assert isinstance(events[-1], StreamDone)
    found = [event for event in events if isinstance(event, SpottedWord)]
    assert [(one.classifier, one.label) for one in found] == [("whistles", "low"), ("whistles", "high")]
    assert [one.end for one in found] == pytest.approx([2.3, 4.6], abs=0.6)
    assert all(one.score >= words.classifiers.get("whistles").details.threshold for one in found)


def test_no_classifier_is_asked_unless_one_is_named(words: Engine) -> None:
    assert not any(isinstance(event, SpottedWord) for event in listen(words, "default", [stream()]))


def test_a_classifier_that_is_not_there_is_refused_before_any_audio(words: Engine) -> None:
    with pytest.raises(ClassifierNotFound):
        next(listen(words, "default", [], LiveOptions(classifiers=("moods",))))
