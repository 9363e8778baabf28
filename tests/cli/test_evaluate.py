from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from speakerid.classification.material import read_material
from speakerid.classification.training import train
from speakerid.classification.training_digests import NONE
from speakerid.settings import Settings
from tests.classification.toys import ToneBackbone, write_material
from tests.cli.command import Command
from tests.evaluation.shaped import voices, write_split, write_trials

SCORES = "".join(
    f"id{10_000 + a}/x/1.wav id{10_000 + b}/y/2.wav {0.9 if a == b else 0.1 * ((a + b) % 4)} {int(a == b)}\n"
    for a in range(8)
    for b in range(8)
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = voices(tmp_path_factory.mktemp("vox"))
    write_trials(root / "veri_test2.txt")
    write_split(root / "iden_split.txt")
    return root


@pytest.fixture
def cached(tree: Path) -> tuple[str | Path, ...]:
    return ("--cache", tree / "cache", "--resamples", "10")


def test_scores_alone(speakerid: Command, tmp_path: Path) -> None:
    (tmp_path / "scores.txt").write_text(SCORES)
    ran = speakerid("evaluate", "trials", "--scores", tmp_path / "scores.txt", "--json")
    assert ran.code == 0
    assert (ran.json["eer"], ran.json["min_dcf"], ran.json["trials"], ran.json["targets"]) == (0.0, 0.0, 64, 8)
    assert ran.json["speakers"] == 8
    assert ran.json["intervals"]["eer"] == pytest.approx([0.0, 32.44], abs=0.01)  # Wilson: 0 of 8 speakers


def test_scores_with_a_trial_list_of_kaldi(speakerid: Command, tmp_path: Path) -> None:
    (tmp_path / "scores").write_text("a-1 a-2 2.0\na-1 b-1 3.0\nb-1 b-2 4.0\n")
    (tmp_path / "trials").write_text("a-1 a-2 target\na-1 b-1 nontarget\nb-1 b-2 target\n")
    ran = speakerid("evaluate", "trials", "--scores", tmp_path / "scores", "--trials", tmp_path / "trials")
    assert ran.code == 0
    assert "EER, %" in ran.out
    assert "verification on trials" in ran.out


def test_a_bad_line_is_one_sentence(speakerid: Command, tmp_path: Path) -> None:
    (tmp_path / "scores.txt").write_text("a b 0.1 1\na c 0.2 perhaps\n")
    ran = speakerid("evaluate", "trials", "--scores", tmp_path / "scores.txt", "--json")
    assert (ran.code, ran.out, ran.problem["code"]) == (1, "", "unknown_trial_label")
    assert "scores.txt, line 2: " in ran.problem["error"]


@pytest.mark.parametrize("protocol", ["O", "identification", "open-set"])
def test_voxceleb1(speakerid: Command, tree: Path, cached: tuple[str | Path, ...], protocol: str) -> None:
    ran = speakerid("evaluate", "voxceleb1", "--root", tree, "--protocol", protocol, *cached, "--json")
    assert ran.code == 0
    assert "VoxCeleb1" in ran.json["protocol"]
    assert any("Do not quote" in stamp for stamp in ran.json["stamps"])
    assert ran.json["encoder"]["name"] == "fake"
    assert ({"O": "eer", "identification": "gallery_search", "open-set": "open_set"}[protocol]) in ran.json


def test_a_missing_list_is_one_sentence(speakerid: Command, tree: Path, cached: tuple[str | Path, ...]) -> None:
    ran = speakerid("evaluate", "voxceleb1", "--root", tree, "--protocol", "E", *cached, "--json")
    assert (ran.code, ran.problem["code"]) == (1, "list_missing")


def test_a_report_is_written(speakerid: Command, tree: Path, cached: tuple[str | Path, ...], tmp_path: Path) -> None:
    base = ("evaluate", "trials", "--list", tree / "veri_test2.txt", "--root", tree, *cached)
    assert speakerid(*base, "--out", tmp_path / "cosine").code == 0
    assert {file.name for file in (tmp_path / "cosine").iterdir()} == {
        "report.html",
        "report.json",
        "scores.txt",
    }


def test_a_folder_of_ones_own(speakerid: Command, tree: Path, cached: tuple[str | Path, ...]) -> None:
    pairs = speakerid("evaluate", "folder", tree, *cached, "--json")
    assert (pairs.json["trials"], pairs.json["targets"]) == (35 * 34 // 2, 7 * 10)
    found = speakerid("evaluate", "folder", tree, "--protocol", "identification", *cached)
    assert "linear head (SUPERB-like SID)" in found.out
    assert "gallery search" in found.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("trials",),
        ("trials", "--scores", "{tree}/veri_test2.txt", "--list", "{tree}/veri_test2.txt"),
        ("trials", "--list", "{tree}/veri_test2.txt"),
        ("voxceleb1", "--root", "{tree}", "--protocol", "Z"),
        ("folder", "no-such-folder"),
    ],
    ids=str,
)
def test_wrong_usage(speakerid: Command, tree: Path, arguments: tuple[str, ...]) -> None:
    assert speakerid("evaluate", *(one.format(tree=tree) for one in arguments)).code == 2


def test_an_encoder_trained_on_the_test_is_refused(
    speakerid: Command, tree: Path, cached: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from speakerid.encoders.fake import FakeEncoder

    trained = FakeEncoder(trained_on=("VoxCeleb1-dev", "VoxCeleb2"))
    monkeypatch.setattr("speakerid.evaluation.embedding.stage.load_encoder", lambda _: trained)
    base = ("evaluate", "voxceleb1", "--root", tree, "--protocol", "identification", *cached, "--json")
    refused = speakerid(*base)
    assert (refused.code, refused.problem["code"]) == (1, "contaminated_encoder")
    stamped = speakerid(*base, "--allow-contaminated")
    assert stamped.code == 0
    assert stamped.json["stamps"][0].startswith("CONTAMINATED: ")


@pytest.fixture
def tones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Labeled recordings, and a classifier of them in the user's folder."""
    monkeypatch.setenv("SPEAKERID_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("speakerid.bootstrap.load_backbone", lambda name, settings: ToneBackbone())
    material = write_material(tmp_path / "tones")
    trained = train("tones", read_material(material), ToneBackbone()).classifier
    replace(trained, digests=NONE).save(Settings().classifiers_folder / "tones")  # as if from other recordings
    return material


def test_classification(speakerid: Command, tones: Path, tmp_path: Path) -> None:
    base = ("evaluate", "classification", "--data", tones, "--classifier", "tones")
    ran = speakerid(*base, "--json", "--out", tmp_path / "out")
    assert ran.code == 0
    figures = ran.json["classification"]
    assert (figures["recordings"], figures["speakers"], figures["accuracy"]["top_1"]) == (24, 4, 100.0)
    assert ran.json["classifier"]["name"] == "tones"
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"report.html", "report.json", "answers.txt"}
    shown = speakerid(*base).out
    assert "F1 (macro), %" in shown
    assert "Confusion matrix" in shown


def test_a_classifier_that_is_not_there(speakerid: Command, tones: Path) -> None:
    ran = speakerid("evaluate", "classification", "--data", tones, "--classifier", "moods", "--json")
    assert (ran.code, ran.problem["code"]) == (1, "classifier_not_found")


def test_rttm(speakerid: Command, tmp_path: Path) -> None:
    for name, end in (("here", 10), ("there", 9)):
        (tmp_path / f"{name}.rttm").write_text(f"SPEAKER m 1 0 {end} <NA> <NA> ada <NA> <NA>\n")
    base = ("evaluate", "rttm", "--reference", tmp_path / "here.rttm", "--hypothesis", tmp_path / "there.rttm")
    ran = speakerid(*base, "--collar", "0", "--json", "--out", tmp_path / "out")
    assert (ran.code, ran.json["diarization"]["all"]["der"]) == (0, 10.0)
    row = "".join(f"<td>{cell}</td>" for cell in ("m", "10.00", "10.00", "0.00", "0.00", "10.00", "10.0"))
    assert row in (tmp_path / "out" / "report.html").read_text()
    assert " in all " in speakerid(*base).out
    (tmp_path / "there.rttm").write_text("SPEAKER m 1\n")
    refused = speakerid(*base, "--json")
    assert (refused.code, refused.problem["code"]) == (1, "not_rttm")
