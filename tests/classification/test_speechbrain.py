"""Classifiers laid out as SpeechBrain publishes them, from a directory and from the hub."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from speakerid.bootstrap import load_classifier
from speakerid.classification.classifier import Classifier, answer
from speakerid.classification.speechbrain import COSINE_SCALE, SpeechBrainClassifier
from speakerid.errors import ClassifierCodeNotAllowed, ClassifierFailed, ClassifierNotFound, ClassifierUnreadable
from tests.classification import published
from tests.encoders.hub import Hub
from tests.encoders.tiny_models import write_xvector
from tests.encoders.voices import LOW, speak

SAID = speak(LOW, 1.0)


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published.write_commands(tmp_path_factory.mktemp("published") / "commands")


@pytest.fixture
def copy(commands: Path, tmp_path: Path) -> Path:
    """A directory that a test may break."""
    return Path(shutil.copytree(commands, tmp_path / "copy"))


def out_prob(classifier: Classifier) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """What SpeechBrain itself says of SAID."""
    assert isinstance(classifier, SpeechBrainClassifier)
    found = classifier.model.classify_batch(torch.from_numpy(SAID)[None])[0]
    return np.asarray(found.double().numpy().ravel())


@pytest.mark.parametrize("write", [published.write_commands, published.write_languages])
def test_logarithms_of_probabilities_become_probabilities(write: Callable[[Path], Path], tmp_path: Path) -> None:
    classifier = load_classifier(str(write(tmp_path / "model")))
    expected = np.exp(out_prob(classifier))
    assert expected.sum() == pytest.approx(1.0, abs=1e-5)
    # 1e-3: SpeechBrain adds noise of up to 9e-5 to pooled means, another one each time.
    assert classifier.probabilities(SAID) == pytest.approx(expected, abs=1e-3)


def test_cosines_are_scaled_as_they_were_trained(tmp_path: Path) -> None:
    classifier = load_classifier(str(published.write_cosines(tmp_path / "model")))
    cosines = out_prob(classifier)
    assert np.abs(cosines).max() <= 1.0
    scaled = np.exp(COSINE_SCALE * cosines)
    assert classifier.probabilities(SAID) == pytest.approx(scaled / scaled.sum(), abs=1e-5)


def test_probabilities_stay_what_they_are(tmp_path: Path) -> None:
    classifier = load_classifier(str(published.write_moods(tmp_path / "model")), run_code=True)
    assert out_prob(classifier).sum() == pytest.approx(1.0)
    assert classifier.probabilities(SAID) == pytest.approx(out_prob(classifier), abs=1e-4)  # noise, as above


def test_labels_are_those_of_the_label_encoder_in_its_order(commands: Path) -> None:
    classifier = load_classifier(str(commands))
    assert classifier.details.labels == published.COMMANDS
    model = classifier.model if isinstance(classifier, SpeechBrainClassifier) else None
    assert model is not None
    _, _, _, text = model.classify_batch(torch.from_numpy(SAID)[None])
    assert answer(classifier, SAID, top_k=1).label == text[0]


def test_details_say_where_it_comes_from(commands: Path) -> None:
    details = load_classifier(str(commands)).details
    assert (details.name, details.license) == ("google_speech_command_xvector", "Apache-2.0")
    assert details.trained_on == "Google Speech Commands v0.02"


@pytest.mark.parametrize("file", ["hyperparams.yaml", "embedding_model.ckpt", "classifier.ckpt", "label_encoder.txt"])
def test_every_file_decides_the_fingerprint(commands: Path, copy: Path, file: str) -> None:
    before = load_classifier(str(commands)).details.fingerprint
    assert load_classifier(str(copy)).details.fingerprint == before
    _change(copy / file)
    assert load_classifier(str(copy)).details.fingerprint != before


def _change(path: Path) -> None:
    if path.suffix == ".ckpt":
        weights = torch.load(path, weights_only=True)
        next(iter(weights.values())).view(-1)[0] += 1.0
        torch.save(weights, path)
    elif path.suffix == ".txt":
        path.write_text(path.read_text().replace("'yes'", "'aye'"))
    else:
        path.write_text(path.read_text() + "# changed\n")


def test_line_ends_do_not_decide_the_fingerprint(commands: Path, copy: Path) -> None:
    yaml = copy / "hyperparams.yaml"
    yaml.write_bytes(yaml.read_bytes().replace(b"\n", b"\r\n"))
    assert load_classifier(str(copy)).details.fingerprint == load_classifier(str(commands)).details.fingerprint


def test_a_word_shorter_than_half_a_second_is_heard(commands: Path) -> None:
    assert load_classifier(str(commands)).probabilities(SAID[:1600]).sum() == pytest.approx(1.0)


def test_code_of_the_model_runs_only_where_it_is_allowed(tmp_path: Path) -> None:
    directory = published.write_moods(tmp_path / "model")
    ran = tmp_path / "ran"
    code = directory / "custom_interface.py"
    code.write_text(f"open({str(ran)!r}, 'w').close()\n{code.read_text()}")
    with pytest.raises(ClassifierCodeNotAllowed, match=r"runs Python code that comes with it, custom_interface\.py"):
        load_classifier(str(directory))
    assert not ran.exists()
    assert load_classifier(str(directory), run_code=True).details.labels == published.MOODS
    assert ran.exists()
    assert str(directory) not in sys.path  # nothing else is imported from there


def test_the_code_decides_the_fingerprint(tmp_path: Path) -> None:
    directory = published.write_moods(tmp_path / "model")
    before = load_classifier(str(directory), run_code=True).details.fingerprint
    code = directory / "custom_interface.py"
    code.write_text(code.read_text() + "# changed\n")
    assert load_classifier(str(directory), run_code=True).details.fingerprint != before


def test_a_hub_name_is_fetched(commands: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub.instead(monkeypatch, commands)
    monkeypatch.chdir(tmp_path)
    classifier = load_classifier("speechbrain/google_speech_command_xvector")
    assert classifier.details == load_classifier(str(commands)).details
    assert ("speechbrain/google_speech_command_xvector", "hyperparams.yaml") in hub.asked
    assert os.listdir(tmp_path) == []


def test_a_copy_stays_local(commands: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub.instead(monkeypatch, None)
    load_classifier(str(commands))
    assert hub.asked == []


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    Hub.instead(monkeypatch, None)
    with pytest.raises(ClassifierNotFound, match="the model hub does not give it"):
        load_classifier("speechbrain/lang-id-voxlingua107-ecapa")


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "classifier.ckpt").unlink()
    with pytest.raises(ClassifierNotFound, match=r"names is missing: .*classifier\.ckpt"):
        load_classifier(str(copy))


def test_a_directory_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(ClassifierNotFound, match=r"hyperparams\.yaml not found in it"):
        load_classifier(str(tmp_path))


def test_a_speaker_encoder_is_no_classifier(tmp_path: Path) -> None:
    directory = write_xvector(tmp_path / "xvector")
    yaml = directory / "hyperparams.yaml"
    yaml.write_text("classifier: !new:torch.nn.Identity\n" + yaml.read_text())
    with pytest.raises(ClassifierUnreadable, match="no names of labels"):
        load_classifier(str(directory))


def test_more_labels_than_numbers(copy: Path) -> None:
    published.write_labels(copy, [*published.COMMANDS, "maybe"])
    with pytest.raises(ClassifierFailed, match="12 numbers for 13 labels"):
        load_classifier(str(copy))


def test_another_sample_rate_is_refused(copy: Path) -> None:
    yaml = copy / "hyperparams.yaml"
    yaml.write_text(yaml.read_text().replace("sample_rate: 16000", "sample_rate: 8000"))
    with pytest.raises(ClassifierUnreadable, match="8000 Hz"):
        load_classifier(str(copy))
