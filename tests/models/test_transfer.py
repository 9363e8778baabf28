from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.errors import ModelsMissing, WrongHash
from speakerid.models.store import is_whole
from speakerid.models.transfer import export_models, import_models
from tests.models.test_fetch import WHOLE, files_of
from tests.models.wheels import Served, put


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
