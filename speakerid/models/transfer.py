"""Models carried to a machine without a network: graphs and license texts, checked against the same pins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speakerid.errors import ModelsMissing
from speakerid.models.catalog import CARD, CATALOG, GRAPH, LICENSES, Model
from speakerid.models.files import check_sha256, named_failures, write_bytes
from speakerid.models.store import is_whole, keep


def export_models(models: Path, out: Path, *, catalog: Sequence[Model] = CATALOG) -> list[Model]:
    """Copy what is in the folder `models` to `out`.

    Raises `ModelsMissing`, `ModelsDiskFull`, `ModelsFolderUnusable`.
    """
    here = [model for model in catalog if is_whole(model, models)]
    if not here:
        raise ModelsMissing(f"There are no models in {models}. Run 'speakerid models fetch' first.")
    with named_failures(out, sum(model.size_bytes for model in here)):
        for model in here:
            for name in (LICENSES, *([CARD] if model.card else []), GRAPH):
                write_bytes(model.folder(out) / name, (model.folder(models) / name).read_bytes())
    return here


def import_models(models: Path, source: Path, *, catalog: Sequence[Model] = CATALOG) -> list[Model]:
    """Take what `export_models` wrote to `source` into the folder `models`; nothing in it is taken on trust.

    All of it or nothing. Raises `ModelsMissing`, `WrongHash`, `ConversionFailed`, `ModelsDiskFull`,
    `ModelsFolderUnusable`.
    """
    found = [model for model in catalog if model.graph(source).is_file()]
    if not found:
        raise ModelsMissing(f"{source} holds no models. Give the folder that 'speakerid models export' wrote.")
    with named_failures(source, 0):
        read = [(model, *_read(model, source)) for model in found]
    with named_failures(models, 2 * sum(model.size_bytes for model in found)):
        for model, graph, licenses in read:
            keep(model, models, graph, licenses)
    return found


def _read(model: Model, source: Path) -> tuple[bytes, bytes]:
    graph, texts = model.graph(source), model.folder(source) / LICENSES
    return (
        check_sha256(str(graph), graph.read_bytes(), model.sha256),
        check_sha256(str(texts), texts.read_bytes(), model.licenses.sha256),
    )
