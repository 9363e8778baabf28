"""The fenced blocks of a page, and how they are run: shell and Python in the order of the page, JSON by its schema.

A comment before a block says what is special about it:

    <!-- not run: needs PostgreSQL -->      never run, for this reason
    <!-- needs: ffmpeg, fetched backbones -->  run where these programs, packages or models are
    <!-- schema: Identification -->         JSON of this schema of the OpenAPI document
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types

FENCED = re.compile(
    r"(?:^<!-- (?P<key>not run|needs|schema): (?P<value>.+?) -->\n+)?"
    r"^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
BACKBONES = ("speech-embedding", "campplus-frames")
DOCUMENTED = "127.0.0.1:8700"
PATIENCE_S = 300
# Variables of a page are there in its next block.
SHELL = "set -a\n[ ! -f .variables ] || . ./.variables\n{text}\nexport -p > .variables\n"


@dataclass(frozen=True)
class Block:
    """`line` is the number of its first line; `not_run`, `needs` and `schema` are what the comment before it says."""

    page: str
    line: int
    language: str
    text: str
    not_run: str | None = None
    needs: tuple[str, ...] = ()
    schema: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str, text: str) -> list[Block]:
    """All but drawings and what programs print, which are `text`."""
    found = []
    for match in FENCED.finditer(text):
        if match["language"] == "text":
            continue
        key, value = match["key"], match["value"]
        found.append(
            Block(
                page,
                text.count("\n", 0, match.start("text")) + 1,
                match["language"].strip(),
                match["text"],
                not_run=value if key == "not run" else None,
                needs=tuple(one.strip() for one in value.split(",")) if key == "needs" else (),
                schema=value if key == "schema" else None,
            )
        )
    return found


def lacks(need: str, models: Path) -> bool:
    """Whether this machine has no such program, package or models."""
    if need == "fetched backbones":
        return not all((models / name).is_dir() for name in BACKBONES)
    return shutil.which(need) is None and find_spec(need) is None


@dataclass
class Reader:
    """Somebody who works through one page, in a folder of their own, with a service at `url`."""

    folder: Path
    url: str
    environment: dict[str, str]
    schemas: dict[str, Any]
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__docs__"})

    def run(self, block: Block) -> None:
        """Raises whatever the block raises; AssertionError where a command fails."""
        text = block.text.replace(DOCUMENTED, self.url.removeprefix("http://"))
        match block.language:
            case "sh":
                self._shell(block, text)
            case "python":
                lines = "\n" * (block.line - 1)  # a traceback shows the line of the page
                exec(compile(lines + text, block.page, "exec"), self.names)
            case "json":
                self._json(block)
            case other:
                raise AssertionError(
                    f"{block}: nobody can run {other!r}. Say sh, python or json, or why it is not run."
                )

    def _shell(self, block: Block, text: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", SHELL.format(text=text)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, f"{block}: exit code {done.returncode}\n{text}\n{done.stdout}\n{done.stderr}"

    def _json(self, block: Block) -> None:
        value = json.loads(block.text)
        if block.schema is not None:
            jsonschema.validate(value, self.schemas | {"$ref": f"#/components/schemas/{block.schema}"})


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Of a shell of the reader: the commands of this environment, none of the settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPEAKERID_")}
    fonts = str(Path.home() / ".cache" / "matplotlib")  # listed once, not anew in every folder
    return kept | settings | {"HOME": str(folder), "NO_COLOR": "1", "MPLCONFIGDIR": fonts}
