"""`python -m recipes.docs_site`: build the site into build/site, without a network."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from recipes.docs_site import http_reference
from recipes.docs_site.pages import append_list, gather

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "docs" / "zensical.toml"
THEME = ROOT / "docs" / "theme"
LISTED = ("docs/decisions", "docs/measurements")  # folders whose README ends with a list of their pages


def build(root: Path, into: Path) -> Path:
    """The folder of the finished site. `into` also gets the gathered pages and the settings that name both."""
    pages = into / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    gather(root, pages)
    for folder in LISTED:
        append_list(pages / folder)
    (pages / "docs" / "reference.md").write_text(http_reference.page(http_reference.document()), encoding="utf-8")
    shutil.copy(CONFIG, into)
    shutil.copytree(THEME, into / "theme", dirs_exist_ok=True)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "--config-file", CONFIG.name]
    subprocess.run(command, cwd=into, check=True)
    return into / "site"


if __name__ == "__main__":
    build(ROOT, ROOT / "build")
