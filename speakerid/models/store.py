"""The folder of fetched models: what is in it, what is missing, and how models get to a machine without a network.

Each has a folder of its own with its graph, its card and its license texts.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal

from speakerid.encoders.base import Encoder
from speakerid.encoders.card import to_json
from speakerid.encoders.registry import BUNDLED, PAIR, load_encoder, needed
from speakerid.errors import (
    ConversionFailed,
    ModelDamaged,
    ModelsDiskFull,
    ModelsFolderUnusable,
    ModelsMissing,
    WrongHash,
)
from speakerid.models.catalog import CAMPPLUS, CARD, CATALOG, GRAPH, LICENSES, Model
from speakerid.whole_files import write_whole

State = Literal["bundled", "here", "missing", "damaged"]


def is_whole(model: Model, models: Path) -> bool:
    """Whether everything of `model` is there, and its graph is the pinned one."""
    graph, texts = model.graph(models), model.folder(models) / LICENSES
    carded = model.card is None or (model.folder(models) / CARD).is_file()
    return carded and texts.is_file() and graph.is_file() and sha256_of(graph) == model.sha256


def refuse_damaged(name: str, models: Path) -> None:
    """A fetched model is the one that was measured, or it is not used: another would give other answers unnoticed.

    Raises `ModelDamaged`.
    """
    model = next(one for one in CATALOG if one.name == name)
    if model.graph(models).is_file() and not is_whole(model, models):
        raise ModelDamaged(name, str(models))


def load_checked(spec: str, models: Path) -> Encoder:
    """`registry.load_encoder`, of fetched models that are whole. Raises also `ModelDamaged`."""
    for name in needed(spec, models):
        refuse_damaged(name, models)
    return load_encoder(spec, models)


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


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Makes the folder. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda out: out.write(data))


def refuse_unusable(folder: Path) -> None:
    """Refuse a folder before long work whose result goes there; it need not exist.

    Raises what `named_failures` does.
    """
    with named_failures(folder, 0):
        existing = next(one for one in (folder, *folder.parents) if one.exists() or one.is_symlink())
        TemporaryFile(dir=existing).close()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file of any size, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sha256(name: str, data: bytes, wanted: str) -> bytes:
    """`data` itself, if its SHA-256 is `wanted`. Raises `WrongHash`."""
    found = hashlib.sha256(data).hexdigest()
    if found != wanted:
        raise WrongHash(name, found, wanted)
    return data


@contextmanager
def named_failures(folder: Path, needed_bytes: int) -> Iterator[None]:
    """What the system refuses in `folder` becomes `ModelsDiskFull` or `ModelsFolderUnusable`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelsDiskFull(str(folder), needed_bytes) from error
        raise ModelsFolderUnusable(str(folder), error.strerror or str(error)) from error


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


@dataclass(frozen=True)
class Listed:
    name: str
    state: State
    does: str
    license: str
    size_bytes: int
    trained_on: str
    fingerprint: (
        str | None
    )  # of encoders: computed from what is loaded. Of others: SHA-256 of the graph. None: not here


def listing(models: Path) -> list[Listed]:
    """The bundled encoder, then everything of the catalog, then the encoder that both make together."""
    bundled = load_encoder("bundled")
    mini = Listed(
        name=bundled.name,
        state="bundled",
        does=f"speaker encoder: a small ECAPA-TDNN, {bundled.dim} dimensions",
        license="Apache-2.0",
        size_bytes=BUNDLED.stat().st_size,
        trained_on=", ".join(bundled.trained_on),
        fingerprint=bundled.fingerprint,
    )
    fetched = [_listed(model, models) for model in CATALOG]
    return [mini, *fetched, _pair(mini, next(one for one in fetched if one.name == CAMPPLUS.name), models)]


def _listed(model: Model, models: Path) -> Listed:
    state = _state(model, models)
    fingerprint = _fingerprint(model, models) if state == "here" else None
    return Listed(model.name, state, model.does, model.license, model.size_bytes, model.trained_on, fingerprint)


def _state(model: Model, models: Path) -> State:
    if is_whole(model, models):
        return "here"
    return "damaged" if model.graph(models).is_file() else "missing"


def _fingerprint(model: Model, models: Path) -> str:
    return model.sha256 if model.card is None else load_encoder(model.name, models).fingerprint


def _pair(mini: Listed, other: Listed, models: Path) -> Listed:
    return Listed(
        name=PAIR,
        state=other.state,
        does="speaker encoder: both side by side; the default where it is here",
        license=mini.license,
        size_bytes=0,
        trained_on="as its two parts",
        fingerprint=load_encoder(PAIR, models).fingerprint if other.state == "here" else None,
    )
