"""Gather what the site shows: the README, every page of docs/, and what these link to.

Folders stay as they are, so a link that works on the repository's page works on the site, and nothing is rewritten.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

FENCE = re.compile(r"^( *)(`{3,}|~{3,}).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)")
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


def links(text: str) -> list[str]:
    """What a page links to inside the repository: `path`, `path#anchor` or `#anchor`; code is no link."""
    prose = INLINE_CODE.sub("", FENCE.sub("", text))
    return [target for target in LINK.findall(prose) if not ADDRESS.match(target)]


def gather(root: Path, into: Path) -> None:
    waiting = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        copy = into / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        found = set(_linked_files(path, root)) - seen
        seen |= found
        waiting += sorted(found)


def _linked_files(page: Path, root: Path) -> Iterator[Path]:
    if page.suffix != ".md":
        return
    for target in links(page.read_text(encoding="utf-8")):
        path = (page.parent / target.partition("#")[0]).resolve()
        if path.is_file() and path.is_relative_to(root):
            yield path


def append_list(folder: Path) -> None:
    """Put the titles of a folder's pages at the end of its README; a repository's page lists files by itself."""
    page = folder / "README.md"
    lines = [f"- [{title(path)}]({path.name})\n" for path in sorted(folder.glob("*.md")) if path != page]
    page.write_text(f"{page.read_text(encoding='utf-8')}\n{''.join(lines)}", encoding="utf-8")


def title(page: Path) -> str:
    found = TITLE.search(page.read_text(encoding="utf-8"))
    return found[1] if found else page.stem
