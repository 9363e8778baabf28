"""Enroll in the console: the ring, the coach's words, and that nothing is left of what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from speakerid import samples
from tests.console.conftest import ConsoleServer
from tests.console.page import Console
from tests.sampled import ADA, BEN
from tests.waiting import until

LEAST_OF_LIVE = 0.75  # of the speech that the page counted; half of it, or twice as much, would be a fault


@pytest.fixture(scope="module")
def empty(server: ConsoleServer) -> Iterator[httpx.Client]:
    """A gallery in which nobody is."""
    with server.new_gallery("enrolling", enroll_speech_seconds=6) as api:
        yield api


def names(api: httpx.Client) -> list[str]:
    return [one["name"] for one in api.get("speakers").json()["items"]]


def test_files_are_enrolled_one_by_one_and_the_ring_fills(console: Console, empty: httpx.Client) -> None:
    main = console.open("enroll", "enrolling")
    ring = main.get_by_role("progressbar", name="Speech")
    assert ring.get_attribute("aria-valuenow") == "0"
    main.get_by_label("Name").fill("Ben")
    console.choose("Choose recordings", *samples.voices()[BEN].enroll[:2])
    main.get_by_text("Ben is enrolled.").wait_for()
    assert main.get_by_text("Enrolled for Ben").count() == 2
    assert ring.get_attribute("aria-valuenow") == "100"
    assert names(empty) == ["Ben"]
    console.shot()
    console.page.get_by_role("link", name="Identify").click()
    main.get_by_text("compared with the speakers of this gallery (1)").wait_for()
    assert main.get_by_text("Nobody is enrolled here yet.").count() == 0


# Both at one moment: seconds that are left, and how full the ring is, in percent. A busy page leaves out some, or all
# until it is full.
FILLING = """() => {
  const full = Number(document.querySelector(".ring").getAttribute("aria-valuenow"));
  const left = document.querySelector(".words")?.textContent.match(/Go on: (\\d\\.\\d) s more/);
  return full >= 50 && (left || full === 100) && [left ? Number(left[1]) : 0, full];
}"""


def test_the_microphone_fills_the_ring_while_somebody_speaks(console: Console, empty: httpx.Client) -> None:
    main = console.open("enroll", "enrolling")
    main.get_by_label("Name").fill("Ada")
    began = time.monotonic()
    main.get_by_role("button", name="Record", exact=True).click()
    left, during = console.page.wait_for_function(FILLING).json_value()
    assert during == pytest.approx(100 * (6 - left) / 6, abs=2)
    console.shot()
    main.get_by_role("button", name="Stop").click()
    recorded_s = time.monotonic() - began
    main.get_by_text("Enrolled for Ada").wait_for()
    (ada,) = empty.get("speakers", params={"name": "Ada"}).json()["items"]
    # A stream counts pauses of up to 0.36 s between words, also those of a busy machine's microphone; an enrollment
    # counts none. Nobody speaks for longer than was recorded.
    assert LEAST_OF_LIVE * (6 - left) <= ada["speech_seconds"] <= recorded_s
    console.shot()


def test_a_refused_recording_leaves_nothing_and_can_be_enrolled_all_the_same(
    console: Console, empty: httpx.Client
) -> None:
    main = console.open("enroll", "enrolling")
    main.get_by_label("Name").fill("Benjamin")
    console.choose("Choose recordings", samples.voices()[BEN].enroll[2])
    main.get_by_text("This voice is enrolled already, under another name.").wait_for()
    main.get_by_text("Nothing of this recording was kept.").wait_for()
    assert "Benjamin" not in names(empty)
    console.shot()
    main.get_by_role("button", name="Enroll it all the same").click()
    main.get_by_text("Enrolled for Benjamin").wait_for()
    assert "Benjamin" in names(empty)
    main.get_by_role("button", name="Take it back").click()
    main.locator(".card").wait_for(state="detached")
    (left,) = empty.get("speakers", params={"name": "Benjamin"}).json()["items"]
    assert left["utterances"] == 0


def test_without_a_name_nothing_is_sent(console: Console) -> None:
    main = console.open("enroll", "enrolling")
    console.choose("Choose recordings", samples.voices()[ADA].enroll[0])
    assert "enter a name first" in main.get_by_role("alert").inner_text()


def test_the_page_asks_before_it_is_left_while_it_records(console: Console) -> None:
    main = console.open("enroll", "enrolling")
    main.get_by_label("Name").fill("Eve")
    main.get_by_role("button", name="Record", exact=True).click()
    main.get_by_role("button", name="Stop").wait_for()
    with console.page.expect_event("dialog") as asked:
        console.page.evaluate("setTimeout(() => { location.href = '/docs' })")
    assert asked.value.type == "beforeunload"
    asked.value.accept()
    console.page.wait_for_url("**/docs")


def test_a_tab_that_is_closed_while_it_enrolls_leaves_no_name_without_a_voice(
    console: Console, empty: httpx.Client
) -> None:
    console.open("enroll", "enrolling")
    other = console.page.context.new_page()
    other.route("**/utterances*", lambda route: None)  # the recording is on its way for ever
    other.goto(f"{console.url}/#/enrolling/enroll")
    main = other.locator("main:not([aria-busy])")
    main.get_by_label("Name").fill("Grace")
    with other.expect_request("**/utterances*"), other.expect_file_chooser() as chooser:
        main.get_by_role("button", name="Choose recordings").click()
        chooser.value.set_files(samples.voices()["festival-lj"].enroll[0])
    assert "Grace" in names(empty)
    other.close()
    until(lambda: "Grace" not in names(empty))  # who has no voice
