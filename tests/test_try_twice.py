"""Continuous integration's second try: which failures it forgives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TRY_TWICE = Path(__file__).parent.parent / ".ci" / "try-twice"
FAILS_ONCE = """
from pathlib import Path

import pytest


@pytest.fixture
def ready():
    been = Path(__file__).with_name("been")
    if not been.exists():
        been.touch()
        raise OSError


@pytest.mark.parametrize("name", ["a b::c[1]"])
def test_needs_a_second_try(ready, name):
    pass
"""
FAILS_ALWAYS = "def test_fails():\n    assert False\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Its second folder cannot be collected, as torch's tests by a Python without torch."""
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = .\n")
    (tmp_path / "unfit").mkdir()
    (tmp_path / "unfit" / "conftest.py").write_text("raise ImportError\n")
    return tmp_path


def try_twice(project: Path, tests: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for name, text in tests.items():
        (project / name).write_text(text)
    return subprocess.run(
        [TRY_TWICE, sys.executable, "-q", *tests], cwd=project, capture_output=True, text=True, check=False
    )


def test_what_fails_once_passes_and_is_named(project: Path) -> None:
    ran = try_twice(project, {"test_once.py": FAILS_ONCE})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "test_once.py::test_needs_a_second_try[a b::c[1]]" in (project / "build/second-tries.txt").read_text()


def test_what_fails_twice_fails(project: Path) -> None:
    ran = try_twice(project, {"test_once.py": FAILS_ONCE, "test_always.py": FAILS_ALWAYS})
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert not (project / "build").exists()


def test_what_cannot_be_collected_fails_at_once(project: Path) -> None:
    ran = try_twice(project, {"test_unfit.py": "import nothing_of_this_name\n"})
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "ONCE MORE" not in ran.stdout
