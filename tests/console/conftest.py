"""A real Chromium on a real server with the bundled encoder, both started once; the microphone is a WAV file."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from speakerid.audio.decode import decode
from speakerid.cli.server.child_server import running
from speakerid.db.engine import open_database
from speakerid.services import keys
from tests.audio.encode import soundfile_bytes
from tests.console.page import Console
from tests.sampled import ADA, BEN, utterance
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MICROPHONE = ADA  # whose voice the fake microphone has
PATIENCE_MS = PATIENCE_S * 1000
ENROLLED = (ADA, BEN, "festival-dita", "festival-lj", "festival-nsh", "festival-ked")  # enough to measure errors


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They need a browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "console" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the page said when a test of it failed."""
    report = yield
    if report.when == "call" and report.failed and "console" in item.funcargs:
        console: Console = item.funcargs["console"]  # type: ignore[assignment]  # the fixture gives one
        report.sections.append(("The page", console.page.locator("body").inner_text()))
    return report


@dataclass(frozen=True)
class ConsoleServer:
    """It wants a key. The default gallery has these six speakers."""

    url: str
    key: str

    def api(self, gallery: str = "default") -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=f"{self.url}/v1/galleries/{gallery}/", headers=headers, timeout=PATIENCE_S)

    @contextmanager
    def new_gallery(self, name: str, **settings: Any) -> Iterator[httpx.Client]:
        """In which nobody is."""
        with self.api(name) as api:
            api.post(f"{self.url}/v1/galleries", json={"name": name, **settings}).raise_for_status()
            yield api


@pytest.fixture(scope="package")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleServer]:
    store = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("console") / "voices.db"))
    database = open_database(store)
    with database.write() as db:
        key = keys.create(db, "console", ("admin",), ()).secret
    database.close()
    with running(store, "ecapa-mini") as url:
        served = ConsoleServer(url, key)
        with served.api() as api:
            for voice in ENROLLED:
                speaker = api.post("speakers", json={"name": voice}).json()["id"]
                for nth in range(2):
                    api.post(f"speakers/{speaker}/utterances", content=utterance(voice, nth)).raise_for_status()
        yield served


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Closed with this folder: while playwright runs in a thread, asyncio.run() cannot."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, which the extra dev brings")
    if CHROMIUM is None:
        pytest.skip("needs the program chromium, which is not installed here")
    wav = tmp_path_factory.mktemp("microphone") / "voice.wav"
    spoken = np.concatenate([decode(utterance(MICROPHONE, nth)) for nth in (2, 1, 0)])
    wav.write_bytes(soundfile_bytes(spoken, 16_000, "WAV"))
    devices = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    quiet = ["--no-sandbox", "--disable-gpu", "--mute-audio", "--autoplay-policy=no-user-gesture-required"]
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(
            executable_path=CHROMIUM, args=[*devices, f"--use-file-for-fake-audio-capture={wav}%noloop", *quiet]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def tab(browser: Browser, server: ConsoleServer) -> Console:
    """Where the key was given already."""
    context = browser.new_context(locale="en-US", accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    kept = f"sessionStorage.setItem('speakerid.key', '{server.key}')"
    context.add_init_script(f"if (location.protocol === 'http:') {kept}")
    return Console(context.new_page(), server.url)


@pytest.fixture
def console(tab: Console, request: pytest.FixtureRequest) -> Iterator[Console]:
    """The tab as if it were new. What the browser itself complains about fails the test, such as the policy."""
    tab.begin(re.sub(r"\W+", "_", request.node.name))
    yield tab
    tab.leave()
    assert tab.seen.complaints == []
    assert {url for url in tab.seen.urls if not url.startswith((tab.url, "blob:", "about:"))} == set()
