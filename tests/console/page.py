"""A page of the console as a test sees it, and what the browser said meanwhile."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

LEAVE = """hash => {
  if (location.hash === hash) return;
  document.querySelector('.view').classList.add('left');
  location.hash = hash;
}"""
SHOTS = os.environ.get("CONSOLE_SHOTS")  # a folder: each test leaves pictures there for a person to look at

REFUSED = (
    "Failed to load resource: the server responded with a status of 4",
    "Failed to load resource: net::ERR_FAILED",
)


@dataclass
class Recorded:
    """What the browser complains about is a bug, but for the API refusing or gone: the page shows that."""

    complaints: list[str] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def message(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(REFUSED):
            self.complaints.append(message.text)

    def error(self, error: Any) -> None:
        self.complaints.append(str(error))

    def request(self, request: Any) -> None:
        self.urls.append(request.url)


class Console:
    """One tab for all tests, so that each need not start a browser."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url
        self.seen = Recorded()
        self._name = ""
        self._shots = 0
        page.on("console", lambda message: self.seen.message(message))
        page.on("pageerror", lambda error: self.seen.error(error))
        page.on("request", lambda request: self.seen.request(request))

    def begin(self, name: str) -> None:
        self._name, self._shots, self.seen = name, 0, Recorded()
        self.page.set_viewport_size({"width": 1200, "height": 800})
        self.page.emulate_media(color_scheme="light")

    def leave(self) -> None:
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self.page.goto("about:blank")

    def open(self, view: str, gallery: str = "default", id: str = "") -> Any:
        """What is between header and footer, once it is all there."""
        place = "/".join(quote(one, safe="") for one in (gallery, view, id) if one)
        if self.page.url.startswith(f"{self.url}/#"):
            self.page.evaluate(LEAVE, f"#/{place}")
        else:
            self.page.goto(f"{self.url}/#/{place}")
        main = self.page.locator("main:not([aria-busy])")
        main.locator(".view:not(.left) h1").wait_for()
        return main

    def choose(self, button: str, *files: Any) -> None:
        """Files through the button that opens the browser's own dialog: paths, or name, mimeType and buffer."""
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name=button).click()
        chooser.value.set_files(list(files))

    def shot(self) -> None:
        if SHOTS:
            self._shots += 1
            self.page.screenshot(path=str(Path(SHOTS) / f"{self._name}-{self._shots}.png"), full_page=True)
