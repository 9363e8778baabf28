from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from speakerid.bootstrap import load_classifier
from speakerid.classification.classifier import OnnxClassifier, answer
from speakerid.errors import ClassifierCodeNotAllowed, ClassifierNameUnusable
from speakerid.settings import Settings
from speakerid.training import classifier_graph
from speakerid.training.errors import ClassifierExportDiffers, ExportUnsupported
from speakerid.training.import_classifier import import_classifier
from speakerid.types import ClassifierDetails, FloatArray
from tests.classification import published

WITHOUT_TORCH = """
import sys
sys.modules.update(dict.fromkeys(("torch", "speechbrain", "torchaudio", "scipy", "sklearn")))
import numpy as np
from speakerid.bootstrap import load_classifier
print(load_classifier("words").probabilities(np.zeros(16000, np.float32)).sum())
"""


@dataclass(frozen=True, eq=False)
class Always:
    """Gives one answer to everything."""

    answer: NDArray[np.float64]
    details = ClassifierDetails("always", ("a", "b", "c"), "none", "f" * 64, 0.0, "", "", {})

    def probabilities(self, waveform: FloatArray) -> NDArray[np.float64]:
        return self.answer


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published.write_commands(tmp_path_factory.mktemp("published") / "commands")


@pytest.mark.parametrize("write", [published.write_commands, published.write_languages, published.write_cosines])
def test_the_graph_gives_speechbrains_probabilities(write: Callable[[Path], Path], tmp_path: Path) -> None:
    directory = write(tmp_path / "model")
    made = import_classifier("ours", str(directory), tmp_path / "classifiers")
    theirs, ours = load_classifier(str(directory)), OnnxClassifier.load(made.path)
    assert made.worst_difference <= classifier_graph.ALLOWED_DIFFERENCE
    assert ours.details.labels == theirs.details.labels == made.labels
    for said in published.said():
        answers = [theirs.probabilities(said.numpy()) for _ in range(10)]  # SpeechBrain adds noise to pooled means
        assert ours.probabilities(said.numpy()) == pytest.approx(np.mean(answers, axis=0), abs=1e-3)


def test_a_difference_is_seen_where_one_label_is_certain() -> None:
    certain, other = (Always(np.array(one)) for one in ([1.0, 1e-9, 1e-12], [1.0, 1e-12, 1e-9]))
    assert classifier_graph.worst_difference(certain, certain) == 0.0
    assert classifier_graph.worst_difference(certain, other) > 10 * classifier_graph.ALLOWED_DIFFERENCE


def test_it_is_found_by_its_name_and_serves_without_torch(
    commands: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEAKERID_MODELS", str(tmp_path))
    import_classifier("words", str(commands), Settings().classifiers_folder)
    details = load_classifier("words").details
    assert (details.name, details.labels, details.license) == ("words", published.COMMANDS, "Apache-2.0")
    assert details.trained_on == "Google Speech Commands v0.02"
    assert answer(load_classifier("words"), published.said()[0].numpy(), top_k=3).label in published.COMMANDS
    ran = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=True, timeout=300)
    assert float(ran.stdout) == pytest.approx(1.0)


def test_the_card_says_what_it_was_made_of(commands: Path, tmp_path: Path) -> None:
    made = import_classifier("words", str(commands), tmp_path)
    card = json.loads(made.path.with_suffix(".json").read_text())
    assert card["made_of"] == str(commands)
    assert card["made_of_fingerprint"] == load_classifier(str(commands)).details.fingerprint
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["model.json", "model.onnx", "words"]


def test_a_graph_that_differs_is_not_kept(commands: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier_graph, "worst_difference", lambda *_: 0.2)
    with pytest.raises(ClassifierExportDiffers, match=r"differ from SpeechBrain's by 0\.2000"):
        import_classifier("words", str(commands), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_with_an_interface_of_its_own_is_refused(tmp_path: Path) -> None:
    directory = published.write_moods(tmp_path / "model")
    with pytest.raises(ClassifierCodeNotAllowed):
        import_classifier("moods", str(directory), tmp_path / "classifiers")
    with pytest.raises(ExportUnsupported, match="interface of its own"):
        import_classifier("moods", str(directory), tmp_path / "classifiers", run_code=True)
    assert not (tmp_path / "classifiers").exists()


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden"])
def test_names_with_folders_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ClassifierNameUnusable, match="plain name"):
        import_classifier(name, "someone/model", tmp_path)


def test_a_trained_classifier_is_not_replaced(commands: Path, tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "head.npz").touch()
    with pytest.raises(ClassifierNameUnusable, match="trained here"):
        import_classifier("words", str(commands), tmp_path)
