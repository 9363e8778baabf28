"""The lock files of the image hold what pyproject.toml asks for, each file by its hash, and no torch."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import speakerid

ROOT = Path(speakerid.__file__).parents[1]
DOCKER = ROOT / "docker"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = [name for extra in ("postgres", "encrypt", "tracing") for name in PROJECT["optional-dependencies"][extra]]
SERVED = [*PROJECT["dependencies"], *EXTRAS]
BUILDING = [
    *PROJECT["dependencies"],
    *PROJECT["optional-dependencies"]["fetch"],
    *PYPROJECT["build-system"]["requires"],
]
LOCKS = {"requirements.txt": SERVED, "requirements-build.txt": BUILDING}
PIN = re.compile(
    r"^([a-z0-9-]+)==(\S+)((?: ; [^\\\n]+)?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def pins(name: str) -> dict[str, set[Version]]:
    """More than one version where Pythons need different ones."""
    found: dict[str, set[Version]] = {}
    for match in PIN.finditer((DOCKER / name).read_text(encoding="utf-8")):
        found.setdefault(match[1], set()).add(Version(match[2]))
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_locked_to_versions_that_satisfy_it(name: str) -> None:
    wanted = {canonicalize_name(one.name): one.specifier for one in map(Requirement, LOCKS[name])}
    locked = pins(name)
    assert wanted.keys() - locked.keys() == set()
    wrong = {one: locked[one] for one, allowed in wanted.items() if not all(map(allowed.contains, locked[one]))}
    assert wrong == {}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_nothing_but_pins_with_hashes(name: str) -> None:
    """No address of an index either: pip asks the one that it is set up for."""
    assert PIN.sub("", (DOCKER / name).read_text(encoding="utf-8")) == ""


@pytest.mark.parametrize("name", LOCKS)
def test_nothing_heavy_is_locked(name: str) -> None:
    assert {"torch", "torchaudio", "speechbrain", "scipy", "scikit-learn", "matplotlib"} & pins(name).keys() == set()


def test_what_builds_agrees_with_what_serves() -> None:
    served, building = pins("requirements.txt"), pins("requirements-build.txt")
    assert {one: building[one] for one in served.keys() & building.keys()} == {
        one: served[one] for one in served.keys() & building.keys()
    }


def test_what_builds_is_what_the_build_asks_for() -> None:
    asked = (DOCKER / "build.in").read_text(encoding="utf-8").split()
    assert sorted(asked) == sorted(PYPROJECT["build-system"]["requires"])


@pytest.mark.slow
def test_make_lock_would_change_nothing(tmp_path: Path) -> None:
    """As `make lock` does it, on copies: what is locked stays where it may, so only a stale lock differs."""
    shutil.copytree(DOCKER, tmp_path / "docker")
    for name in ("pyproject.toml", "Makefile", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    made = subprocess.run(
        ["make", "lock", "READY=", f"UV={Path(sys.executable).with_name('uv')}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if "error sending request" in made.stderr.lower():
        pytest.skip("no package index can be reached")
    assert made.returncode == 0, made.stderr
    for name in LOCKS:
        assert (tmp_path / "docker" / name).read_text() == (DOCKER / name).read_text()
