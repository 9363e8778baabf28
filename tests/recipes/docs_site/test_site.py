"""The documentation site, built as `make docs` builds it: nothing comes from elsewhere, nothing of a page is lost."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

from recipes.docs_site.__main__ import CONFIG, ROOT, build

pytest.importorskip("zensical", reason="builds the documentation site; it comes with the extra 'dev'")
# What a browser fetches by itself; a link (`a`) waits for a click.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data", "link": "href"}
COUNTED = {"table": "table_open", "li": "list_item_open", "blockquote": "blockquote_open", "pre": "fence"}
INVENTED = {"reference.md"}  # made from the OpenAPI document


class Page(HTMLParser):
    """What one page fetches, links to, can be linked at, and how many of each element its text has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.policy = ""
        self._in_text = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_text |= tag == "article"
        self.ids |= {given["id"]} if "id" in given else set()
        self.counts[tag] += self._in_text
        self.fetched += [given[name] for name in (FETCHED.get(tag),) if name in given]
        self.links += [given["href"]] if tag == "a" and "href" in given else []
        self.policy += given.get("content", "") if given.get("http-equiv") == "Content-Security-Policy" else ""

    def handle_endtag(self, tag: str) -> None:
        self._in_text &= tag != "article"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("docs"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """All but the page for addresses that lead nowhere, which cannot know where it is shown."""
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def of_page(site: Path, page: Path) -> Path:
    """The HTML of a page of the repository."""
    inside = page.relative_to(ROOT)
    return site / (inside.with_name("index.html") if inside.name == "README.md" else inside.with_suffix(".html"))


def test_no_page_fetches_anything_from_elsewhere(pages: dict[Path, Page]) -> None:
    assert {path.name: one for path, page in pages.items() for one in page.fetched if urlsplit(one).netloc} == {}
    assert [path.name for path, page in pages.items() if "default-src 'self'" not in page.policy] == []


def test_no_stylesheet_fetches_anything_from_elsewhere(site: Path) -> None:
    sheets = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    assert sheets
    assert [re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//[^)'\"]*", sheet) for sheet in sheets] == [[]] * len(
        sheets
    )


def test_every_link_of_the_site_leads_to_a_file_and_an_anchor(pages: dict[Path, Page]) -> None:
    broken = {path.name: wrong for path, page in pages.items() if (wrong := list(_broken(path, page, pages)))}
    assert broken == {}


def _broken(path: Path, page: Page, pages: dict[Path, Page]) -> list[str]:
    inside = [one for one in page.links if not urlsplit(one).scheme]
    return [link for link in inside if not _leads_somewhere(path, urlsplit(link).path, urlsplit(link).fragment, pages)]


def _leads_somewhere(path: Path, target: str, anchor: str, pages: dict[Path, Page]) -> bool:
    linked = (path.parent / unquote(target)).resolve() if target else path
    return linked.is_file() and (not anchor or linked not in pages or unquote(anchor) in pages[linked].ids)


def test_every_page_of_docs_is_in_the_navigation() -> None:
    """Also says what to do: add a line to `nav` of docs/zensical.toml."""
    named = set(re.findall(r'"((?:docs/)?[^/"]+\.md)"', CONFIG.read_text(encoding="utf-8")))
    there = {str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md")}
    assert there <= named
    assert {name for name in named - there if not (ROOT / name).is_file()} == {f"docs/{one}" for one in INVENTED}
    assert tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]["theme"]["font"] is False


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{one.name}" for one in (ROOT / "docs").glob("*.md"))])
def test_a_page_has_the_same_tables_lists_and_code_on_the_site(page: str, site: Path, pages: dict[Path, Page]) -> None:
    """Two dialects of Markdown: a list without an empty line before it is one on the repository's page alone.

    And code is fenced, never indented, so that it can be run."""
    text = (ROOT / page).read_text(encoding="utf-8")
    wanted = Counter(token.type for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text))
    counts = pages[of_page(site, ROOT / page)].counts
    assert {tag: counts[tag] for tag in COUNTED} == {tag: wanted[kind] for tag, kind in COUNTED.items()}


def test_the_lists_name_every_decision_and_measurement(site: Path, pages: dict[Path, Page]) -> None:
    for folder in (ROOT / "docs" / "decisions", ROOT / "docs" / "measurements"):
        linked = set(pages[of_page(site, folder / "README.md")].links)
        assert {f"{page.stem}.html" for page in folder.glob("*.md")} - {"README.html"} <= linked


def test_the_reference_has_every_route(site: Path, pages: dict[Path, Page]) -> None:
    html = (site / "docs" / "reference.html").read_text(encoding="utf-8")
    assert "<code>POST /v1/galleries/{gallery}/identify</code>" in html
    assert {"identify-speaker", "schema-identification", "schema-problem"} <= pages[
        site / "docs" / "reference.html"
    ].ids
