"""What the site shows is gathered from the repository, in its own folders."""

from __future__ import annotations

from pathlib import Path

from recipes.docs_site.pages import append_list, gather, links


def write(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_pages_bring_what_they_link_to_and_no_more(tmp_path: Path) -> None:
    root, into = tmp_path / "root", tmp_path / "into"
    write(
        root, README_md="[a](docs/a.md#b) [l](LICENSE)", docs__a_md="[c](../more/c.md)", docs__b_md="", LICENSE="free"
    )
    write(root, more__c_md="[up](../../outside.md) [gone](gone.md)", more__d_md="", code="")
    write(tmp_path, outside_md="")
    gather(root, into)
    found = {str(path.relative_to(into)) for path in into.rglob("*") if path.is_file()}
    assert found == {"README.md", "LICENSE", "docs/a.md", "docs/b.md", "more/c.md"}
    assert (into / "docs" / "a.md").read_text(encoding="utf-8") == "[c](../more/c.md)"


def test_code_and_addresses_are_no_links() -> None:
    text = (
        "[a](a.md) `[b](b.md)` ``[c](c.md)`` [d](https://d) [e](mailto:e) ![f](f.png)\n```sh\n[g](g.md)\n```\n[h](#h)"
    )
    assert links(text) == ["a.md", "f.png", "#h"]
    assert links("two `` are nothing [a](a.md) `code`") == ["a.md"]


def test_a_list_names_the_other_pages_of_a_folder_by_their_titles(tmp_path: Path) -> None:
    write(tmp_path, README_md="# All\n", b_md="# Second\n", a_md="text\n# First one\n", c_md="no title\n")
    append_list(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == (
        "# All\n\n- [First one](a.md)\n- [Second](b.md)\n- [c](c.md)\n"
    )
