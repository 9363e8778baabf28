"""Links of the repository's pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import speakerid
from recipes.docs_site.pages import links

ROOT = Path(speakerid.__file__).parents[1]
FOLDERS = ("docs", "recipes", "benchmarks", "speakerid", ".github")
PAGES = sorted({*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))})


def headings(page: Path) -> list[str]:
    """Their text, without the marks of Markdown."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    inside = [tokens[nth + 1] for nth, token in enumerate(tokens) if token.type == "heading_open"]
    return ["".join(child.content for child in one.children or ()) for one in inside]


def anchors(page: Path) -> set[str]:
    """As the repository's page has them; what the site has is known when it is built (tests/recipes/docs_site)."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def _wrong(page: Path, target: str) -> str | None:
    path, _, anchor = target.partition("#")
    linked = (page.parent / path).resolve() if path else page
    if not linked.is_file():
        return f"{target}: there is no such file (to link a folder, link its README.md)"
    if anchor and anchor not in anchors(linked):
        return f"{target}: no heading has this anchor"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert [wrong for target in links(page.read_text(encoding="utf-8")) if (wrong := _wrong(page, target))] == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = "# A `title`, too\n[a](page.md#a-title-too) [b](gone.md) [c](#gone) `[d](no-link.md)` [e](.)"
    page.write_text(text, encoding="utf-8")
    assert links(text) == ["page.md#a-title-too", "gone.md", "#gone", "."]
    assert [target for target in links(text) if _wrong(page, target) is None] == ["page.md#a-title-too"]
