"""From a folder of recordings to a classifier that knows strangers' recordings, with figures by held-out speakers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speakerid.classification import fitting
from speakerid.classification.classifier import TrainedClassifier, answer, load_classifier
from speakerid.classification.fitting import HeldOut, Material, folds, temperature_of, threshold_of
from speakerid.classification.material import read_material
from speakerid.classification.training import train
from speakerid.errors import ClassifierNotFound, ClassifierUnreadable, MaterialTooLittle, MaterialUnusable
from tests.classification.toys import RATE_HZ, TONES_HZ, ToneBackbone, whistle, write_material

BACKBONE = ToneBackbone()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def classifier(folder: Path) -> TrainedClassifier:
    return train("tones", read_material(folder), BACKBONE).classifier


@pytest.mark.parametrize("label", sorted(TONES_HZ))
def test_a_stranger_is_recognized(classifier: TrainedClassifier, label: str) -> None:
    found = answer(classifier, whistle(label, speaker=9, take=0), top_k=2)
    assert found.label == label == found.scores[0].label
    assert found.scores[0].score >= found.scores[1].score
    assert found.seconds == pytest.approx(0.8)


def test_probabilities_sum_to_one(classifier: TrainedClassifier) -> None:
    assert classifier.probabilities(whistle("low", 7, 1)).sum() == pytest.approx(1.0)


def test_noise_is_none_of_the_labels(classifier: TrainedClassifier) -> None:
    noise = 0.2 * np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32)
    assert answer(classifier, noise, top_k=3).label is None


def test_no_speaker_is_trained_and_tested_on(folder: Path) -> None:
    material = read_material(folder)
    made = Material(
        [BACKBONE.features(whistle(one.label, 0, 0)) for one in material],
        np.array([one.label for one in material]),
        np.array([str(one.speaker) for one in material]),
    )
    for trained, tested in folds(made):
        assert not set(made.groups[trained]) & set(made.groups[tested])


def test_what_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    write_material(tmp_path / "m")
    (tmp_path / "m" / "low" / "s0" / "broken.wav").write_bytes(b"no audio")
    done = train("tones", read_material(tmp_path / "m"), BACKBONE)
    assert [one.path.name for one in done.skipped] == ["broken.wav"]
    assert done.classifier.card.figures is not None
    assert done.classifier.card.figures["accuracy"] == 100.0


def test_nothing_readable_is_refused(tmp_path: Path) -> None:
    for label in ("a", "b"):
        for speaker in ("s", "t"):
            (tmp_path / label / speaker).mkdir(parents=True)
            for take in range(3):
                (tmp_path / label / speaker / f"{take}.wav").write_bytes(b"no audio")
    with pytest.raises(MaterialUnusable, match="None of the recordings can be read"):
        train("x", read_material(tmp_path), BACKBONE)


def test_held_out_rows_of_a_table_are_not_trained_on(tmp_path: Path) -> None:
    rows = ["file,label,speaker,split"]
    for label in TONES_HZ:
        for speaker in range(4):
            for take in range(2):
                name = f"{label}{speaker}{take}.wav"
                soundfile.write(tmp_path / name, whistle(label, speaker, take), RATE_HZ)
                rows.append(f"{name},{label},s{speaker},{'test' if speaker == 3 else 'train'}")
    (tmp_path / "own.csv").write_text("\n".join(rows))
    done = train("tones", read_material(tmp_path / "own.csv"), BACKBONE)
    assert len(done.speakers) == 3 * 3 * 2
    assert "speaker s3" not in set(done.speakers)


def test_one_persons_words_are_trained_where_that_is_wanted(tmp_path: Path) -> None:
    one = read_material(write_material(tmp_path / "one", speakers=1, takes=4))
    with pytest.raises(MaterialTooLittle, match="recordings"):
        train("tones", one, BACKBONE)
    done = train("tones", one, BACKBONE, few=True)
    assert not done.speakers_apart
    assert done.classifier.probabilities(whistle("low", 0, 9)).argmax() == done.classifier.head.labels.index("low")


def test_a_single_recording_cannot_be_held_out(tmp_path: Path) -> None:
    one = read_material(write_material(tmp_path / "one", speakers=1, takes=1))
    with pytest.raises(MaterialTooLittle, match="one recording"):
        train("tones", one, BACKBONE, few=True)


def test_a_saved_classifier_gives_the_same_answers(classifier: TrainedClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "tones")
    again = load_classifier("tones", tmp_path, lambda _: BACKBONE)
    asked = whistle("high", 9, 3)
    assert again.probabilities(asked) == pytest.approx(classifier.probabilities(asked))
    assert again.details == classifier.details
    assert load_classifier(str(tmp_path / "tones"), Path("elsewhere"), lambda _: BACKBONE).details.name == "tones"


def test_another_backbone_than_the_one_it_was_trained_on_is_refused(
    classifier: TrainedClassifier, tmp_path: Path
) -> None:
    classifier.save(tmp_path / "tones")
    with pytest.raises(ClassifierUnreadable, match="another tones than the one that is here"):
        load_classifier("tones", tmp_path, lambda _: ToneBackbone(fingerprint="0" * 64))


def test_a_damaged_card_is_named(classifier: TrainedClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "tones")
    (tmp_path / "tones" / "card.json").write_text("{")
    with pytest.raises(ClassifierUnreadable, match="cannot be read"):
        load_classifier("tones", tmp_path, lambda _: BACKBONE)


def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    for name in ("moods", "m" * 300):
        with pytest.raises(ClassifierNotFound, match=f"no classifier '{name}'"):
            load_classifier(name, tmp_path, lambda _: BACKBONE)


def test_the_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 3000)
    logits = 1.5 * np.eye(3)[truth] + random.gumbel(size=(3000, 3))
    # Of these logits the softmax at temperature t is the likeliest where t is four times as large for four times them.
    once, four = (temperature_of(HeldOut(("a", "b", "c"), scale * logits, truth)) for scale in (1.0, 4.0))
    assert four == pytest.approx(4 * once, rel=0.01)


def test_the_threshold_keeps_98_of_100_right_answers() -> None:
    probabilities = np.stack([np.linspace(0.5, 1.0, 201), np.linspace(0.5, 0.0, 201)], axis=1)
    threshold = threshold_of(("a", "b"), probabilities, np.zeros(201, np.intp))
    assert (probabilities[:, 0] >= threshold).mean() == pytest.approx(fitting.KEPT, abs=0.01)


def test_unknown_speech_that_sounds_like_a_word_raises_the_threshold() -> None:
    truth = np.repeat([0, 1], 200)
    certain = np.concatenate([np.full(200, 0.99), np.linspace(0.5, 0.9, 200)])
    probabilities = np.stack([certain, 1 - certain], axis=1)  # all unknown ones are taken for the word
    threshold = threshold_of(("stop", "unknown"), probabilities, truth)
    assert (certain[200:] >= threshold).mean() <= fitting.LET_PASS
