"""Words in a stream: each once, whatever the pieces that it comes in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speakerid.classification.classifier import TrainedClassifier
from speakerid.classification.fitting import HeldOut, spotting_threshold_of
from speakerid.classification.material import read_material
from speakerid.classification.spotting import Spotter
from speakerid.classification.training import train
from speakerid.types import FloatArray
from tests.classification.toys import RATE_HZ, ToneBackbone, whistle, write_material

WORDS = ("low", "high", "low")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> TrainedClassifier:
    folder = write_material(tmp_path_factory.mktemp("material"))
    (folder / "middle").rename(folder / "unknown")
    return train("words", read_material(folder), ToneBackbone()).classifier


def stream(*labels: str) -> FloatArray:
    """Words with two seconds of what is no word around each."""
    between = whistle("middle", 7, 0, seconds=2.0)
    return np.concatenate([between, *(piece for label in labels for piece in (whistle(label, 8, 0), between))])


@pytest.mark.parametrize("piece", [160, 3_001, 10**6], ids=["10 ms", "an odd number", "all at once"])
def test_every_word_is_spotted_once_in_any_pieces(classifier: TrainedClassifier, piece: int) -> None:
    spotter, audio = Spotter(classifier), stream(*WORDS)
    found = [word for start in range(0, len(audio), piece) for word in spotter.feed(audio[start : start + piece])]
    assert [word.label for word in found] == list(WORDS)
    ends = [2.8, 5.6, 8.4]
    assert [word.end_s for word in found] == pytest.approx(ends, abs=0.6)


def test_speech_without_words_spots_nothing(classifier: TrainedClassifier) -> None:
    assert Spotter(classifier).feed(whistle("middle", 9, 1, seconds=20.0)) == []


def test_a_stricter_threshold_than_any_score_spots_nothing(classifier: TrainedClassifier) -> None:
    assert Spotter(classifier, threshold=1.01).feed(stream(*WORDS)) == []


def test_scores_are_of_every_window(classifier: TrainedClassifier) -> None:
    found = Spotter(classifier).scores(whistle("low", 8, 0, seconds=2.0))
    assert len(found) == int(2.0 * RATE_HZ) // 3_200 - 1  # the first window has none before it
    assert found[-1][0] == "low"


def test_a_stream_asks_for_more_than_a_recording_where_words_are_surer(classifier: TrainedClassifier) -> None:
    details = classifier.details
    assert details.spotting_threshold is not None
    assert details.threshold < details.spotting_threshold <= 0.8
    assert Spotter(classifier)._least == details.spotting_threshold
    assert (
        Spotter(replace(classifier, card=replace(classifier.card, spotting_threshold=None)))._least == details.threshold
    )


def test_95_of_100_right_answers_are_sure_enough_for_a_stream() -> None:
    sure = np.concatenate([np.linspace(0.4, 0.5, 5), np.full(95, 0.7)])
    logits = np.stack([np.log(sure), np.log(1 - sure)], axis=1)
    held_out = HeldOut(("stop", "unknown"), logits, np.zeros(100, np.intp))
    assert spotting_threshold_of(held_out, 1.0, 0.3) == pytest.approx(0.7, abs=0.02)
    assert spotting_threshold_of(held_out, 1.0, 0.75) == 0.75
    assert spotting_threshold_of(HeldOut(("stop", "unknown"), 9 * logits, held_out.truth), 1.0, 0.3) == 0.8
