from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from speakerid.bootstrap import fetched_segmentation, load_encoder
from speakerid.errors import ModelDamaged, ModelsDiskFull, ModelsFolderUnusable, ModelsMissing, WrongHash
from speakerid.models.store import (
    check_sha256,
    export_models,
    import_models,
    is_whole,
    named_failures,
    sha256_of,
    write_bytes,
)
from speakerid.settings import Settings
from tests.models.test_fetch import WHOLE, files_of
from tests.models.wheels import Served, put, sha256


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "file"
    write_bytes(path, b"first")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"second")
    assert [one.name for one in path.parent.iterdir()] == ["file"]
    assert path.read_bytes() == b"first"


def test_hashes(tmp_path: Path) -> None:
    data = os.urandom((1 << 20) + 7)
    (tmp_path / "file").write_bytes(data)
    assert sha256_of(tmp_path / "file") == sha256(data)
    assert check_sha256("file", data, sha256(data)) is data
    with pytest.raises(WrongHash, match=r"file has SHA-256 .* changed or damaged"):
        check_sha256("file", data[:-1], sha256(data))


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, ModelsDiskFull), (errno.EDQUOT, ModelsDiskFull), (errno.EROFS, ModelsFolderUnusable)],
)
def test_what_the_system_refuses_has_a_name(tmp_path: Path, number: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="SPEAKERID_MODELS"), named_failures(tmp_path, 1_000_000):
        raise OSError(number, os.strerror(number))


@pytest.fixture
def exported(served: Served, folder: Path, tmp_path: Path) -> Path:
    export_models(put(served, folder), tmp_path / "carried", catalog=served.catalog)
    return tmp_path / "carried"


def test_a_machine_without_network_gets_the_same_files(
    served: Served, exported: Path, folder: Path, tmp_path: Path, offline: None
) -> None:
    made = import_models(tmp_path / "there", exported, catalog=served.catalog)
    assert [model.name for model in made] == ["campplus", "segmentation"]
    assert files_of(tmp_path / "there") == WHOLE
    for name in WHOLE:
        assert (tmp_path / "there" / name).read_bytes() == (folder / name).read_bytes()


def test_an_exported_encoder_can_be_named_by_its_file(served: Served, exported: Path) -> None:
    assert [(model.folder(exported) / "model.json").is_file() for model in served.catalog] == [True, False]


@pytest.mark.parametrize("name", ["campplus/model.onnx", "segmentation/LICENSES.txt"])
def test_a_changed_file_is_refused_and_nothing_is_taken(
    served: Served, exported: Path, tmp_path: Path, name: str
) -> None:
    data = bytearray((exported / name).read_bytes())
    data[len(data) // 2] ^= 1
    (exported / name).write_bytes(data)
    with pytest.raises(WrongHash, match=name):
        import_models(tmp_path / "there", exported, catalog=served.catalog)
    assert not (tmp_path / "there").exists()


def test_some_of_the_models_may_be_carried_alone(served: Served, exported: Path, tmp_path: Path) -> None:
    (exported / "segmentation" / "model.onnx").unlink()
    import_models(tmp_path / "there", exported, catalog=served.catalog)
    assert [is_whole(model, tmp_path / "there") for model in served.catalog] == [True, False]


def test_nothing_to_carry(served: Served, tmp_path: Path) -> None:
    with pytest.raises(ModelsMissing, match="models fetch"):
        export_models(tmp_path / "empty", tmp_path / "out", catalog=served.catalog)
    with pytest.raises(ModelsMissing, match="models export"):
        import_models(tmp_path / "here", tmp_path, catalog=served.catalog)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def damaged(tmp_path: Path) -> Settings:
    for name in ("campplus", "segmentation"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").write_bytes(b"half a model")
    return Settings(models=tmp_path)


@pytest.mark.parametrize("spec", ["default", "campplus", "campplus+ecapa-mini"])
def test_an_encoder_of_a_damaged_model_is_refused(damaged: Settings, spec: str) -> None:
    with pytest.raises(ModelDamaged, match="models fetch"):
        load_encoder(spec, damaged)


def test_an_encoder_that_needs_no_fetched_model_does_not_look_at_them(damaged: Settings) -> None:
    assert load_encoder("ecapa-mini", damaged).name == "ecapa-mini"


def test_a_damaged_segmentation_is_refused(damaged: Settings) -> None:
    with pytest.raises(ModelDamaged, match="segmentation"):
        fetched_segmentation(damaged)


def test_without_segmentation_there_is_none(tmp_path: Path) -> None:
    assert fetched_segmentation(Settings(models=tmp_path)) is None
