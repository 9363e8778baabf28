"""Nobody is told to install the stranger's package that has the name of our import (docs/decisions/0022)."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import speakerid
from speakerid.errors.extras import EXTRA_OF, ExtraMissing, extra_missing, how_to_install, require

ROOT = Path(speakerid.__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
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
    hidden = {".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"} | NOT_OURS
    ours = [top for top in ROOT.iterdir() if top.name not in hidden]  # environments have a hundred thousand files
    found = [path for top in ours for path in (top, *top.rglob("*")) if path.is_file() and path.suffix in TEXTS]
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


@pytest.mark.parametrize("extra", sorted({*EXTRAS} - {"dev"}))
def test_a_missing_extra_is_installed_from_the_checkout_or_the_wheel(extra: str) -> None:
    assert f"pip install '.[{extra}]'" in how_to_install(extra)
    assert f"pip install 'FILE.whl[{extra}]'" in how_to_install(extra)


@pytest.mark.parametrize("library", sorted(EXTRA_OF))
def test_the_extra_that_is_named_for_a_library_brings_it(library: str) -> None:
    named = {"sklearn": "scikit-learn", "hyperpyyaml": "speechbrain", "faster_whisper": "faster-whisper"}
    brought = named.get(library, library)  # the second comes along
    assert [one for one in EXTRAS[EXTRA_OF[library]] if re.match(rf"{brought}\b", one)] != []


def test_a_library_has_one_version_range_in_every_extra() -> None:
    ranges: dict[str, set[str]] = {}
    for one in [*PROJECT["dependencies"], *(one for listed in EXTRAS.values() for one in listed)]:
        ranges.setdefault(re.split(r"[<>=~\[; ]", one)[0], set()).add(one)
    assert {name: found for name, found in ranges.items() if len(found) > 1} == {}


def test_a_missing_library_becomes_a_sentence_and_a_bug_stays_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.errors.extras.find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r"needs the package 'torch'.*'\.\[models\]'"):
        require("torch")
    assert isinstance(extra_missing(ModuleNotFoundError(name="sklearn.metrics")), ExtraMissing)
    assert extra_missing(ModuleNotFoundError(name="speakerid.nothing")) is None


def test_what_is_installed_is_not_called_missing() -> None:
    assert extra_missing(ImportError(name="matplotlib")) is None
    require("matplotlib")


def test_make_installs_every_extra_but_the_microphone() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = re.search(r"^EXTRAS := (.*)$", makefile, re.MULTILINE)
    assert listed is not None
    assert {*EXTRAS} - {*listed[1].split(",")} == {"listen"}


def test_the_page_of_the_package_has_no_link_to_files_beside_it() -> None:
    (change,) = PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = re.sub(change["pattern"], change["replacement"], readme)
    assert "](docs/decisions/" in readme
    assert re.findall(r"\]\((?!https?://)", page) == []
    assert "decision 0022" in page


def test_readme_names_the_distribution_and_every_extra() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert PROJECT["name"] in readme
    assert [extra for extra in PROJECT["optional-dependencies"] if f"| `{extra}` |" not in readme] == []


def test_types_are_shipped() -> None:
    assert files("speakerid").joinpath("py.typed").is_file()
