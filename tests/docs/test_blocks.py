"""Every block of code in README.md and docs/*.md runs as it is written, or its page says why it is not run."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

import speakerid
from speakerid.api.app import create_app
from speakerid.cli.server.child_server import running
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from tests.conftest import FETCHED
from tests.docs.blocks import BACKBONES, FENCED, Block, Reader, blocks, environment, lacks
from tests.docs.forked_command import forked_command
from tests.docs.sample_files import lay_out

ROOT = Path(speakerid.__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = {page.name: blocks(page.name, page.read_text(encoding="utf-8")) for page in PAGES}
NOT_RUN_AT_MOST = 0.4  # of all blocks
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The backbones that this machine has fetched, and room for classifiers that pages train.

    Without CAM++ itself the default encoder is the bundled one."""
    folder = tmp_path_factory.mktemp("models")
    for name in (one for one in BACKBONES if (FETCHED / one).is_dir()):
        (folder / name).symlink_to(FETCHED / name)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Copied for each page."""
    if lacking := [one for one in ("bash", "curl") if shutil.which(one) is None]:
        pytest.skip(f"needs {' and '.join(lacking)}, which are not here")
    folder, commands = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("commands")
    with forked_command(commands) as command:
        lay_out(folder, command)
        yield folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[str]:
    """One for all pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEAKERID_MODELS", str(models))
        with running(tmp_path_factory.mktemp("served") / "served.db", "default") as url:
            yield url


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    document = create_app(cast(Engine, None), Settings()).openapi()
    return {"components": document["components"]}


@pytest.fixture
def reader(
    tmp_path: Path, files: Path, models: Path, service: str, schemas: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Reader:
    """In a folder with the files that pages name; nobody is enrolled on the service."""
    shutil.copytree(files, tmp_path, symlinks=True, dirs_exist_ok=True)
    _empty(service)
    monkeypatch.setenv("SPEAKERID_MODELS", str(models))
    monkeypatch.chdir(tmp_path)
    path = [tmp_path / ".venv" / "bin", Path(sys.executable).parent, os.environ["PATH"]]
    shell = environment(tmp_path, SPEAKERID_MODELS=str(models), PATH=os.pathsep.join(map(str, path)))
    return Reader(tmp_path, service, shell, schemas)


def _empty(service: str) -> None:
    """Every page begins with a gallery `default` in which nobody is."""
    with httpx.Client(base_url=f"{service}/v1/galleries") as client:
        for gallery in [one["name"] for one in client.get("").json()["items"]]:
            for speaker in client.get(f"/{gallery}/speakers").json()["items"]:
                client.delete(f"/{gallery}/speakers/{speaker['id']}").raise_for_status()
            if gallery != "default":
                client.delete(f"/{gallery}").raise_for_status()


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, found in BLOCKS.items() if any(not one.not_run for one in found)])
def test_the_blocks_of_a_page_run(page: str, reader: Reader, models: Path, record_property: Record) -> None:
    for block in BLOCKS[page]:
        if block.not_run:
            continue
        if lacking := [need for need in block.needs if lacks(need, models)]:
            record_property(f"{block} is not run here", f"no {', '.join(lacking)}")
            continue
        reader.run(block)


@pytest.mark.slow
def test_a_request_that_is_refused_fails_its_block(reader: Reader) -> None:
    asked = "curl -s http://127.0.0.1:8700/v1/galleries/{} > answer\n"
    reader.run(Block("page.md", 1, "sh", asked.format("default")))
    with pytest.raises(AssertionError, match="exit code 22"):
        reader.run(Block("page.md", 1, "sh", asked.format("nothing")))
    assert "gallery_not_found" in (reader.folder / "answer").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_command_that_is_refused_fails_its_block(reader: Reader) -> None:
    with pytest.raises(AssertionError, match=r"exit code 1[^0-9](.|\n)*store_missing"):
        reader.run(Block("page.md", 1, "sh", "speakerid identify nothing.wav | cat\n"))


def test_few_blocks_are_not_run(record_property: Record) -> None:
    every = [block for found in BLOCKS.values() for block in found]
    not_run = [block for block in every if block.not_run]
    for block in not_run:
        record_property(f"{block} is not run", block.not_run)
    record_property("blocks of README and docs that run", f"{len(every) - len(not_run)} of {len(every)}")
    assert len(not_run) <= NOT_RUN_AT_MOST * len(every)


def test_no_fence_of_a_page_is_overlooked() -> None:
    for page in PAGES:
        lines = page.read_text(encoding="utf-8").splitlines()
        assert sum(line.lstrip().startswith("```") for line in lines) == 2 * len(FENCED.findall("\n".join(lines))), page


def test_what_a_comment_says_belongs_to_the_block_below_it() -> None:
    text = (
        "\n\n<!-- not run: hours -->\n```sh\nb\n```\n\n```json\n{}\n```\n\n<!-- needs: ffmpeg, x -->\n```python\n```\n"
    )
    assert blocks("page.md", text) == [
        Block("page.md", 5, "sh", "b\n", not_run="hours"),
        Block("page.md", 9, "json", "{}\n"),
        Block("page.md", 14, "python", "", needs=("ffmpeg", "x")),
    ]


@pytest.mark.parametrize(
    ("language", "text"),
    [("sh", "true | false | cat\ntrue\n"), ("sh", "echo $NOTHING\n"), ("python", "1 / 0\n"), ("json", "{"), ("", "x")],
)
def test_a_block_that_does_not_work_fails(language: str, text: str, tmp_path: Path) -> None:
    reader = Reader(tmp_path, "http://127.0.0.1:1", environment(tmp_path), {})
    with pytest.raises((AssertionError, ArithmeticError, ValueError)):
        reader.run(Block("page.md", 1, language, text))


def test_variables_and_names_stay_from_block_to_block(tmp_path: Path) -> None:
    reader = Reader(tmp_path, "http://127.0.0.1:1", environment(tmp_path), {})
    for language, text in [
        ("sh", "A='b c'\n"),
        ("sh", 'test "$A" = "b c"\n'),
        ("python", "a = 1\n"),
        ("python", "a + 1\n"),
    ]:
        reader.run(Block("page.md", 1, language, text))
