"""The folder of fetched models: a folder each, with its graph, its card and its license texts."""

from __future__ import annotations

import hashlib
from pathlib import Path

from speakerid.encoders.card import to_json
from speakerid.errors import ConversionFailed
from speakerid.models.catalog import CARD, LICENSES, Model
from speakerid.models.files import sha256_of, write_bytes


def is_whole(model: Model, models: Path) -> bool:
    """Whether everything of `model` is there, and its graph is the pinned one."""
    graph, texts = model.graph(models), model.folder(models) / LICENSES
    carded = model.card is None or (model.folder(models) / CARD).is_file()
    return carded and texts.is_file() and graph.is_file() and sha256_of(graph) == model.sha256


def keep(model: Model, models: Path, graph: bytes, licenses: bytes) -> None:
    """Write `model` once its graph was run and found right; the graph last, so that where it is, all is.

    Raises `ConversionFailed`, OSError.
    """
    _refuse_unless_pinned(model, graph)
    staged = models / f".{model.name}.new"
    _write(model, staged, graph, licenses)
    model.check(model.graph(staged))
    _write(model, models, graph, licenses)
    _erase(model.folder(staged), staged)


def _refuse_unless_pinned(model: Model, graph: bytes) -> None:
    if hashlib.sha256(graph).hexdigest() != model.sha256:
        raise ConversionFailed(
            f"The weights of {model.name} became another graph than the one that was measured. Nothing was kept. The "
            "onnx library here may be too new or too old: run 'speakerid models export' elsewhere and import it here."
        )


def _write(model: Model, models: Path, graph: bytes, licenses: bytes) -> None:
    folder = model.folder(models)
    write_bytes(folder / LICENSES, licenses)
    if model.card is not None:
        write_bytes(folder / CARD, to_json(model.card).encode())
    write_bytes(model.graph(models), graph)


def _erase(*folders: Path) -> None:
    for folder in folders:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
