"""The files of the console: small, ours alone, valid, and nothing in them that a hostile name could break out of."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import speakerid
from speakerid.api.console import MEDIA, POLICY, console_files

CONSOLE = Path(speakerid.__file__).parent / "console"
SCRIPTS = sorted(CONSOLE.rglob("*.js"))
TEXTS = [path for path in sorted(CONSOLE.rglob("*")) if path.is_file()]
BREAKS_OUT = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|DOMParser"
)
MAX_BYTES = 80 * 1024  # of all files, compressed
MAX_LINES = 220


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def test_everything_is_served_with_its_kind_and_under_the_policy(client: TestClient) -> None:
    for path in TEXTS:
        answer = client.get(f"/console/{path.relative_to(CONSOLE).as_posix()}")
        assert (answer.status_code, answer.content) == (200, path.read_bytes())
        assert answer.headers["content-type"] == MEDIA[path.suffix[1:]]
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/").content == (CONSOLE / "index.html").read_bytes()


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY
    sources = {word for rule in POLICY.split("; ") for word in rule.split()[1:]}
    assert sources == {"'none'", "'self'", "blob:"}


def test_a_browser_that_has_a_file_is_not_sent_it_again(client: TestClient) -> None:
    first = client.get("/console/main.js")
    again = client.get("/console/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/console/main.js", headers={"If-None-Match": '"old"'}).status_code == 200


def test_a_client_that_takes_no_gzip_gets_none(client: TestClient) -> None:
    plain = client.get("/console/main.js", headers={"Accept-Encoding": "identity"})
    packed = client.get("/console/main.js", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content


@pytest.mark.parametrize(
    "path",
    [
        "nothing.js",
        "../app.py",
        "..%2f..%2fsettings.py",
        "i18n",
        "views/",
        "%2e%2e/api/app.py",
        "main.js%00",
        "/etc/passwd",
    ],
)
def test_no_other_file_can_be_had(client: TestClient, path: str) -> None:
    assert client.get(f"/console/{path}").status_code == 404


def test_all_of_it_is_small() -> None:
    sizes = {name: len(one.compressed) for name, one in console_files().items()}
    assert sum(sizes.values()) < MAX_BYTES, sizes


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_module_is_one_idea_in_short_lines(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= MAX_LINES
    assert [line for line in lines if len(line) > 120] == []
    assert lines[0].startswith("/** ")


def test_nothing_is_loaded_from_elsewhere() -> None:
    addresses = {url for path in TEXTS for url in re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}", path.read_text())}
    assert addresses == {"http://www.w3.org"}  # the name of SVG, which nobody loads


def test_no_text_becomes_html() -> None:
    found = {path.name: BREAKS_OUT.findall(path.read_text()) for path in SCRIPTS}
    assert {name: words for name, words in found.items() if words} == {}


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    html = (CONSOLE / "index.html").read_text()
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|javascript:", html) == []


def test_keys_never_enter_an_address() -> None:
    for path in SCRIPTS:
        assert re.findall(r"[?&](?:key|token)=|localStorage\.setItem\(KEY", path.read_text()) == [], path.name


@pytest.mark.skipif(shutil.which("node") is None, reason="needs the program node, which is not installed here")
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_module_is_valid(path: Path) -> None:
    command = ["node", "--check", "--input-type=module"]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_import_leads_to_a_name_that_is_exported(path: Path) -> None:
    for names, source in re.findall(r"import \{([^}]*)\} from \"(\.[^\"]+)\"", path.read_text()):
        other = (path.parent / source).resolve().read_text()
        exported = set(re.findall(r"export (?:async )?(?:function\*?|class|const|let) (\w+)", other))
        assert {name.strip() for name in names.split(",")} - exported == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_import_is_used(path: Path) -> None:
    text = path.read_text()
    for names in re.findall(r"import \{([^}]*)\} from", text):
        for name in names.split(","):
            assert len(re.findall(rf"\b{name.strip()}\b", text)) > 1, name
