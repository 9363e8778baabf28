"""Nobody is told to install the stranger's package that has the name of our import (docs/decisions/0022)."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import speakerid
from speakerid.errors.extras import how_to_install

ROOT = Path(speakerid.__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
STRANGER = "speaker" + "[-_.]?" + "id"  # pip takes any of these for the same or a neighbouring name
NAMED = rf"['\"`]*{STRANGER}(?![\w/.-])"
FETCHING = re.compile(
    rf"(?:\b(?:install|download|wheel|add|inject|pipx run|uvx)\b[^\n;&|#]*?\s{NAMED}"  # pip install … NAME, uv add NAME
    rf"|\b{STRANGER}\\?\[[a-z, ]+\\?\]"  # NAME[extra]
    rf"|^\s*['\"]?{STRANGER}\s*(?:==|>=|~=|<=|@)\s*['\"\w])",  # a requirement
    re.IGNORECASE | re.MULTILINE,
)
TEXTS = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".sh", ".cfg", ".html", ".js", ".mako", ""}
NOT_OURS = {".git", ".venv", "build", "dist", "node_modules", "__pycache__"}


def _texts() -> list[Path]:
    found = [path for path in ROOT.rglob("*") if path.is_file() and path.suffix in TEXTS]
    hidden = {".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"} | NOT_OURS
    return [path for path in found if not hidden & set(path.relative_to(ROOT).parts)]


def test_no_text_of_the_repository_would_fetch_the_strangers_package() -> None:
    texts = _texts()
    assert {ROOT / "README.md", ROOT / "Makefile", ROOT / "speakerid" / "cli" / "demo.py"} <= set(texts)
    found = {path.relative_to(ROOT): FETCHING.findall(path.read_text(encoding="utf-8")) for path in texts}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "text",
    [
        "pip install {}",
        "pip install '{}[listen]'",
        "python -m pip install -U {}==0.1",
        "uv add {}",
        "pipx run {} serve",
        "uvx {}",
        "needs the extra ('{}[train]')",
        r"{}\[train\]",
        "  {}>=0.1",
        "RUN pip install --no-cache-dir {} && true",
    ],
)
@pytest.mark.parametrize("name", ["speaker" + "id", "Speaker" + "-ID", "speaker" + "_id"])
def test_what_would_fetch_it_is_recognized(text: str, name: str) -> None:
    assert FETCHING.search(text.format(name))


@pytest.mark.parametrize(
    "text",
    [
        "pip install '.[postgres]'",
        "pip install 'enrolled-voices[postgres] @ git+URL'",
        "cd speakerid && pip install .",
        "pip install . && speakerid serve",
        "BIN/speakerid demo",
        "speakerid enroll NAME",
    ],
)
def test_what_fetches_nothing_of_that_name_is_let_pass(text: str) -> None:
    assert not FETCHING.search(text)


def test_the_distribution_has_a_name_of_its_own_and_the_command_keeps_its_name() -> None:
    assert not re.fullmatch(STRANGER, PROJECT["name"], re.IGNORECASE)
    assert PROJECT["scripts"] == {"speakerid": "speakerid.cli.main:app"}


@pytest.mark.parametrize("extra", ["cluster", "evaluate", "listen", "postgres", "train"])
def test_a_missing_extra_is_installed_from_the_checkout(extra: str) -> None:
    assert extra in PROJECT["optional-dependencies"]
    assert how_to_install(extra).endswith(f"pip install '.[{extra}]'")


def test_readme_names_the_distribution_and_every_extra() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert PROJECT["name"] in readme
    assert [extra for extra in PROJECT["optional-dependencies"] if f"| `{extra}` |" not in readme] == []


def test_types_are_shipped() -> None:
    assert files("speakerid").joinpath("py.typed").is_file()
