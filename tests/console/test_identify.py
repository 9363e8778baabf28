"""Identify in the console: by file, by microphone, and what is said when it does not work."""

from __future__ import annotations

import re

import pytest

from speakerid import samples
from speakerid.audio.decode import decode
from tests.audio.encode import soundfile_bytes
from tests.console.conftest import MICROPHONE
from tests.console.page import Console
from tests.sampled import BEN, probe

SUN_AUDIO = soundfile_bytes(decode(probe(BEN)), 16_000, "AU")


def test_a_file_is_named_with_bars_and_a_reason(console: Console) -> None:
    main = console.open("identify")
    console.choose("Choose a recording", samples.voices()[BEN].probes[0])
    card = main.locator(".card")
    card.get_by_text(f"This is {BEN}.").wait_for()
    assert "reaches the threshold of" in card.inner_text()
    bars = card.get_by_role("list", name="Candidates, the best first").get_by_role("listitem")
    assert bars.first.locator(".who").inner_text() == BEN
    widths = bars.locator(".bar span").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 50
    console.shot()


def test_a_stranger_is_nobody(console: Console) -> None:
    main = console.open("identify")
    console.choose("Choose a recording", samples.stranger()[0])
    main.get_by_text("Nobody who is enrolled here.").wait_for()
    assert "does not reach the threshold" in main.locator(".card").inner_text()
    console.shot()


def test_the_microphone_is_named(console: Console) -> None:
    main = console.open("identify")
    main.get_by_role("button", name="Record", exact=True).click()
    three_or_more = re.compile(r"0:(0[3-9]|[1-9])|[1-9]:")  # a busy page leaves out some
    main.locator(".microphone .time").get_by_text(three_or_more).wait_for()
    main.get_by_role("button", name="Stop").click()
    main.get_by_text(f"This is {MICROPHONE}.").wait_for()
    assert main.locator(".card h2").inner_text() == "From the microphone"
    console.shot()


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>.wav", "notes.txt"])
def test_what_is_no_audio_is_refused_in_words(console: Console, name: str) -> None:
    main = console.open("identify")
    console.choose(
        "Choose a recording", {"name": name, "mimeType": "text/plain", "buffer": b"Nothing to hear in here."}
    )
    problem = main.get_by_role("alert")
    problem.wait_for()
    assert "This is text, not audio." in problem.inner_text()
    assert main.locator(".card h2").inner_text() == name
    console.shot()


def test_what_the_browser_cannot_play_is_said(console: Console) -> None:
    main = console.open("identify")
    console.choose("Choose a recording", {"name": "a.au", "mimeType": "audio/basic", "buffer": SUN_AUDIO})
    main.get_by_text(f"This is {BEN}.").wait_for()
    main.get_by_role("button", name="Play").click()
    main.get_by_text("The browser cannot play this file").wait_for()
