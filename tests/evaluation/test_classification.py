"""A classifier asked about labeled recordings, and the same figures of a training run."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from speakerid.classification.material import read_material
from speakerid.classification.training import ClassifierTraining, train
from speakerid.errors import MaterialUnusable
from speakerid.evaluation.classification import (
    NO_SPEAKERS,
    ONE_SPEAKER,
    ClassificationOptions,
    evaluate_classifier,
    of_training,
)
from speakerid.evaluation.classification_figures import ClassifiedRecordings, classification_figures
from speakerid.evaluation.errors import ContaminatedClassifier, LabelsUnknown, MaterialUnreadable
from speakerid.evaluation.report.files import write
from speakerid.types import ClassifierDetails, FloatArray
from tests.classification.toys import RATE_HZ, TONES_HZ, ToneBackbone, whistle, write_material


@dataclass(frozen=True)
class Pitch:
    """Answers the tone that is nearest to the loudest frequency, sure of it; what is near none is the last label."""

    labels: tuple[str, ...] = tuple(TONES_HZ)
    threshold: float = 0.0

    @property
    def details(self) -> ClassifierDetails:
        return ClassifierDetails("pitch", self.labels, "none", "f" * 64, self.threshold, "", "Apache-2.0", {})

    def probabilities(self, waveform: FloatArray) -> NDArray[np.float64]:
        power = np.abs(np.fft.rfft(waveform))
        loudest_hz = np.fft.rfftfreq(len(waveform), 1 / RATE_HZ)[power.argmax()]
        near = [abs(loudest_hz / hz - 1.0) < 0.1 for hz in TONES_HZ.values()]
        answer = near.index(True) if any(near) else len(self.labels) - 1
        found = np.full(len(self.labels), 0.1 / (len(self.labels) - 1))
        found[answer] = 0.9
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_material(tmp_path_factory.mktemp("material") / "tones", speakers=5)


@pytest.fixture(scope="module")
def done(folder: Path) -> ClassifierTraining:
    return train("tones", read_material(folder), ToneBackbone())


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_the_four_metrics_labels_and_speakers(copy: Path) -> None:
    """One of the ten low recordings is really a high one."""
    soundfile.write(copy / "low" / "s0" / "0.wav", whistle("high", 0, 0), RATE_HZ)
    report = evaluate_classifier(Pitch(), copy).report
    figures = report.figures["classification"]
    assert (figures.recordings, figures.labels, figures.speakers) == (30, 3, 5)
    assert figures.accuracy.top_1 == pytest.approx(100 * 29 / 30)
    assert figures.accuracy.recall == pytest.approx((90 + 100 + 100) / 3)
    assert figures.accuracy.precision == pytest.approx((100 + 100 + 100 * 10 / 11) / 3)
    assert figures.accuracy.f1 == pytest.approx((100 * 18 / 19 + 100 + 100 * 20 / 21) / 3)
    assert set(figures.accuracy.intervals) == {"top_1", "top_5", "precision", "recall", "f1"}
    assert figures.names == ("low", "middle", "high")
    assert figures.confusion_matrix == ((9, 0, 1), (0, 10, 0), (0, 0, 10))
    assert (figures.by_speaker.least, figures.by_speaker.most) == (pytest.approx(100 * 5 / 6), 100.0)
    assert figures.audio_s == pytest.approx(30 * 0.8)
    low = figures.by_label[0]
    assert (low.label, low.recordings, low.recall) == ("low", 10, 90.0)


def test_answers_that_do_not_reach_the_threshold_are_counted(folder: Path) -> None:
    for threshold, share in ((0.89, 0.0), (0.91, 100.0)):
        found = evaluate_classifier(Pitch(threshold=threshold), folder).report.figures["classification"]
        assert (found.below_threshold, found.accuracy.top_1) == (share, 100.0)


def test_a_label_the_classifier_does_not_have_is_its_unknown(copy: Path) -> None:
    (copy / "low").rename(copy / "whisper")
    with pytest.raises(LabelsUnknown, match=r"no label for whisper\. Its labels are low, middle, high"):
        evaluate_classifier(Pitch(), copy)
    report = evaluate_classifier(Pitch((*TONES_HZ, "unknown")), copy).report
    assert report.figures["classification"].accuracy.top_1 == pytest.approx(100 * 20 / 30)
    assert "The classifier has no label for whisper: right is 'unknown'." in report.stamps


def test_folders_may_have_the_short_names_of_languages(folder: Path) -> None:
    report = evaluate_classifier(Pitch(("low: Deep", "middle: Neither", "high: Shrill")), folder).report
    assert report.figures["classification"].accuracy.top_1 == 100.0
    assert report.figures["classification"].names == ("low: Deep", "middle: Neither", "high: Shrill")


def test_only_test_rows_of_a_table_count(folder: Path, tmp_path: Path) -> None:
    rows = [
        f"{path},{path.parts[-3]},{path.parts[-2]},{'test' if path.parts[-2] == 's4' else 'train'}"
        for path in sorted(folder.rglob("*.wav"))
    ]
    (tmp_path / "own.csv").write_text("\n".join(["file,label,speaker,split", *rows]))
    found = evaluate_classifier(Pitch(), tmp_path / "own.csv").report.figures["classification"]
    assert (found.recordings, found.speakers) == (6, 1)


def test_without_speakers_there_are_no_intervals(folder: Path, tmp_path: Path) -> None:
    for nth, path in enumerate(sorted(folder.rglob("*.wav"))):
        (tmp_path / "flat" / path.parts[-3]).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "flat" / path.parts[-3] / f"{nth}.wav")
    report = evaluate_classifier(Pitch(), tmp_path / "flat").report
    figures = report.figures["classification"]
    assert (figures.speakers, figures.by_speaker, figures.accuracy.intervals) == (None, None, {})
    assert NO_SPEAKERS in report.stamps


def test_one_speaker_gives_no_intervals(copy: Path) -> None:
    for path in copy.glob("*/s[1-9]"):
        shutil.rmtree(path)
    report = evaluate_classifier(Pitch(), copy).report
    assert report.figures["classification"].accuracy.intervals == {}
    assert ONE_SPEAKER in report.stamps


def test_recordings_that_were_trained_on_are_left_out(done: ClassifierTraining, copy: Path) -> None:
    """Ten of forty are new; one that was trained on has another name now."""
    for label in TONES_HZ:
        for take in range(3):
            soundfile.write(copy / label / "s0" / f"new{take}.wav", whistle(label, 7, take), RATE_HZ)
    soundfile.write(copy / "low" / "s1" / "new.wav", whistle("low", 8, 0), RATE_HZ)
    (copy / "low" / "s2" / "0.wav").rename(copy / "low" / "s2" / "another.wav")
    made = evaluate_classifier(done.classifier, copy)
    assert made.report.figures["classification"].recordings == 10
    assert all("new" in one.probe for one in made.answers)
    (stamp,) = (one for one in made.report.stamps if one.startswith("CONTAMINATED: "))
    assert "tones was trained on 30 of 40 recordings, which were left out." in stamp


def test_a_classifier_is_not_measured_on_what_it_learned_from(done: ClassifierTraining, folder: Path) -> None:
    with pytest.raises(ContaminatedClassifier, match=r"tones cannot be measured .* all 30 of them"):
        evaluate_classifier(done.classifier, folder)


def test_new_recordings_are_not_called_contaminated(done: ClassifierTraining, tmp_path: Path) -> None:
    soundfile.write(_folder(tmp_path / "low" / "s9") / "0.wav", whistle("low", 9, 0), RATE_HZ)
    report = evaluate_classifier(done.classifier, tmp_path).report
    assert report.figures["classification"].recordings == 1
    assert not any("CONTAMINATED" in one for one in report.stamps)
    assert any("other recordings of these speakers" in one for one in report.stamps)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_unreadable_recordings_are_named_or_left_out(copy: Path) -> None:
    (copy / "low" / "s0" / "broken.wav").write_bytes(b"no audio")
    with pytest.raises(MaterialUnreadable, match=r"1 recording\(s\) cannot be read: .*broken\.wav.*--skip-missing"):
        evaluate_classifier(Pitch(), copy)
    made = evaluate_classifier(Pitch(), copy, ClassificationOptions(skip_missing=True))
    assert made.report.figures["classification"].recordings == 30
    assert "INCOMPLETE: 1 of 31 recordings cannot be read and were left out." in made.report.stamps
    assert "broken" not in " ".join(one.probe for one in made.answers)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(MaterialUnusable, match="no labeled recordings"):
        evaluate_classifier(Pitch(), tmp_path)


def test_what_was_learned_from_may_be_asked_about_and_the_report_says_so(folder: Path) -> None:
    (stamp,) = evaluate_classifier(Pitch(), folder).report.stamps
    assert stamp.startswith("Nothing tells whether pitch learned from these recordings")


def test_progress_counts_recordings(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    evaluate_classifier(Pitch(), folder, ClassificationOptions(progress=lambda done, of: seen.append((done, of))))
    assert seen == [(n, 30) for n in range(1, 31)]


def test_a_label_that_nobody_spoke_has_no_recall(folder: Path) -> None:
    found = ClassifiedRecordings(("a", "b", "c"), np.eye(3)[[0, 1, 0]], np.array([0, 0, 0]), np.array(["s", "t", "t"]))
    figures = classification_figures(found, protocol="p", threshold=0.0, resamples=10)
    assert figures.names == ("a", "b")
    assert (figures.by_label[1].recall, figures.by_label[1].precision) == (None, 0.0)
    assert figures.accuracy.recall == pytest.approx(100 * 2 / 3)


def test_a_training_run_gives_its_held_out_answers(done: ClassifierTraining) -> None:
    report = of_training(done, data="tones").report
    figures = report.figures["classification"]
    assert done.classifier.card.figures is not None
    assert figures.accuracy.top_1 == pytest.approx(done.classifier.card.figures["accuracy"], abs=0.01)
    assert figures.accuracy.recall == pytest.approx(done.classifier.card.figures["recall"], abs=0.01)
    assert figures.below_threshold == pytest.approx(done.classifier.card.figures["rejected"], abs=0.01)
    assert (figures.recordings, figures.speakers) == (30, 5)
    assert [one.speakers for one in figures.learning_curve] == [1, 2, 4]
    assert report.classifier == done.classifier.details


def test_a_training_run_without_speakers_has_no_intervals(done: ClassifierTraining) -> None:
    report = of_training(replace(done, speakers_apart=False), data="tones").report
    assert report.figures["classification"].accuracy.intervals == {}
    assert NO_SPEAKERS in report.stamps


def test_the_page_shows_tables_and_pictures(done: ClassifierTraining, tmp_path: Path) -> None:
    write(of_training(done, data="tones"), tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count('src="data:image/svg+xml;base64,') == 2  # confusions, learning curve
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    for shown in ("<h2>Labels</h2>", "<h2>Learning curve</h2>", "<h2>Confusion matrix</h2>", "F1 (macro), %"):
        assert shown in page
    assert done.classifier.details.fingerprint in page


def test_the_answer_to_each_recording_is_written(folder: Path, tmp_path: Path) -> None:
    write(evaluate_classifier(Pitch(), folder), tmp_path / "out")
    lines = (tmp_path / "out" / "answers.txt").read_text().splitlines()
    assert len(lines) == 30
    assert lines[0] == "classification high/s0/0.wav high high"
