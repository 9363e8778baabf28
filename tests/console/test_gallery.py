"""Galleries in the console: mistakes found, repaired and taken back; errors on a slider; settings; unknown voices."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from speakerid import samples
from tests.console.conftest import ConsoleServer
from tests.console.page import Console
from tests.sampled import ADA, BEN, utterance
from tests.services.recorded import meeting


@pytest.fixture(scope="module")
def mixed_up(server: ConsoleServer) -> Iterator[httpx.Client]:
    """An utterance of BEN is enrolled for Ada."""
    with server.new_gallery("mixed-up") as api:
        for name, voice in (("Ada", ADA), ("Ben", BEN)):
            speaker = api.post("speakers", json={"name": name}).json()["id"]
            for nth in range(3 if voice == ADA else 2):
                api.post(f"speakers/{speaker}/utterances", content=utterance(voice, nth)).raise_for_status()
        ada = api.get("speakers", params={"name": "Ada"}).json()["items"][0]["id"]
        accept = {"accept": "does_not_match_speaker"}
        api.post(f"speakers/{ada}/utterances", content=utterance(BEN, 2), params=accept).raise_for_status()
        yield api


def utterances(api: httpx.Client) -> dict[str, int]:
    return {one["name"]: one["utterances"] for one in api.get("speakers").json()["items"]}


def test_a_wrong_label_is_found_repaired_by_one_press_and_taken_back(console: Console, mixed_up: httpx.Client) -> None:
    main = console.open("health", "mixed-up")
    main.get_by_role("button", name="Look for mistakes").click()
    finding = main.get_by_role("article").filter(has_text="A recording of Ada sounds like Ben")
    finding.wait_for()
    console.shot()
    finding.get_by_role("button", name="Give it to Ben").click()
    main.get_by_text("Recordings moved from Ada to Ben: 1.").wait_for()
    assert utterances(mixed_up) == {"Ada": 3, "Ben": 3}
    main.get_by_role("button", name="Undo").click()
    main.get_by_text("· undone").wait_for()
    assert utterances(mixed_up) == {"Ada": 4, "Ben": 2}
    console.shot()


def test_a_slider_shows_misses_and_false_alarms_and_sets_the_target(console: Console, server: ConsoleServer) -> None:
    main = console.open("health")
    main.get_by_role("button", name="Measure misses and false alarms").click()
    slider = main.get_by_role("slider", name=re.compile("target_fpir"))
    slider.wait_for()
    assert slider.get_attribute("aria-valuetext") == "1%"
    slider.press("End")
    assert slider.get_attribute("aria-valuetext") == "10%"
    words = main.locator(".error-bar").all_inner_texts()
    assert re.match(r"Of 100 recordings of enrolled speakers, [\d.]+ would get no name", words[0])
    assert re.match(r"Of 100 strangers, [\d.]+ would get a name", words[1])
    console.shot()
    main.get_by_role("button", name="Use this target").click()
    main.get_by_text("Now, 10% of strangers may get a name.").wait_for()
    with server.api() as api:
        assert api.get("").json()["target_fpir"] == 0.1
        api.patch("", json={"target_fpir": 0.01}).raise_for_status()


def test_what_is_kept_is_set(console: Console, mixed_up: httpx.Client) -> None:
    main = console.open("health", "mixed-up")
    main.get_by_label("Keep audio").check()
    main.get_by_label("Speech that completes an enrollment").fill("12.5")
    main.get_by_role("button", name="Save").click()
    console.page.locator("#announcer").get_by_text("Saved.").wait_for(state="attached")
    settings = mixed_up.get("").json()
    assert (settings["keep_audio"], settings["enroll_speech_seconds"]) == (True, 12.5)


def test_a_gallery_is_made_and_its_name_is_taken_once(console: Console, server: ConsoleServer) -> None:
    main = console.open("health")
    for name, says in (("Not This!", "This did not work"), ("default", "There is a gallery of this name")):
        main.get_by_label("Its name").fill(name)
        main.get_by_role("button", name="Make a gallery").click()
        main.get_by_role("alert").get_by_text(says).wait_for()
    main.get_by_label("Its name").fill("fresh")
    main.get_by_role("button", name="Make a gallery").click()
    main.get_by_role("heading", name="Gallery fresh").wait_for()
    with server.api("fresh") as api:
        assert api.get("").json()["speakers"] == 0


def test_too_small_a_gallery_says_so(console: Console, mixed_up: httpx.Client) -> None:
    main = console.open("health", "mixed-up")
    main.get_by_role("button", name="Measure misses and false alarms").click()
    assert "There is too little to measure with" in main.get_by_role("alert").inner_text()


def test_an_unknown_voice_is_heard_and_named(console: Console, server: ConsoleServer) -> None:
    with server.new_gallery("inbox", keep_audio=True) as api:
        main = console.open("inbox", "inbox")
        main.get_by_role("button", name="Keep unknown voices from now on").click()
        main.get_by_text("There is none.").wait_for()
        made = api.post("recordings", content=meeting(BEN, BEN)).json()["id"]
        assert "event: done" in api.get(f"recordings/{made}/events").text
        console.page.reload()
        row = main.get_by_role("listitem", name="Unknown voice 1")
        row.get_by_role("button", name="Hear clips").click()
        with console.page.expect_response(lambda answer: "/audio?" in answer.url) as heard:
            row.get_by_role("button", name=re.compile("Hear 0:")).click()
        assert heard.value.ok
        console.shot()
        row.get_by_label("Who is it?").fill("Ben")
        row.get_by_role("button", name="Name the voice").click()
        main.get_by_text("This is Ben now. Past recordings that say so: 1.").wait_for()
        assert utterances(api) == {"Ben": 1}
        answer = api.post("identify", content=samples.voices()[BEN].probes[0].read_bytes()).json()
        assert answer["speaker"]["name"] == "Ben"
