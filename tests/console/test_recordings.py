"""Recordings in the console: sent, followed, seen, heard, named, merged and exported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.console.conftest import ConsoleServer
from tests.console.page import Console
from tests.sampled import ADA, BEN, utterance
from tests.services.recorded import MEETING, meeting

VOICE = "The voice that is chosen"


def upload(console: Console, name: str, audio: bytes) -> None:
    console.choose("Choose a recording", {"name": name, "mimeType": "audio/flac", "buffer": audio})


@pytest.fixture(scope="module")
def team(server: ConsoleServer) -> Iterator[httpx.Client]:
    """ADA is enrolled as Ada; audio and unknown voices are kept."""
    with server.new_gallery("meetings", keep_audio=True, keep_unknown_voices=True) as api:
        ada = api.post("speakers", json={"name": "Ada"}).json()["id"]
        for nth in range(3):
            api.post(f"speakers/{ada}/utterances", content=utterance(ADA, nth)).raise_for_status()
        yield api


def test_a_meeting_is_sent_seen_heard_named_and_exported(console: Console, team: httpx.Client) -> None:
    main = console.open("recordings", "meetings")
    upload(console, "stand-up <b>.flac", MEETING)
    job = main.get_by_role("listitem").filter(has_text="stand-up <b>")
    job.get_by_role("link").wait_for()
    console.shot()
    job.get_by_role("link").click()
    voices = main.get_by_role("list", name="Voices")
    voices.wait_for()
    assert voices.get_by_role("listitem").all_inner_texts() == ["Ada", "Unknown voice 1"]
    main.locator(".wave path").wait_for(state="attached")
    assert main.locator(".wave path").get_attribute("d").count("M") > 1000
    console.shot()

    turns = main.get_by_role("group", name=re.compile("Unknown voice 1, turns: ")).get_by_role("button")
    with console.page.expect_response(lambda answer: "/audio?" in answer.url) as heard:
        turns.first.click()
    assert heard.value.ok
    assert heard.value.header_value("content-type") == "audio/wav"
    main.locator(".playhead").wait_for(state="visible")

    voices.get_by_role("button", name="Unknown voice 1").click()
    panel = main.get_by_role("region", name=VOICE)
    assert panel.get_by_role("group", name="Clips of").get_by_role("button").count() >= 2
    panel.get_by_label("Who is it?").fill("Ben")
    panel.get_by_role("button", name="Name the voice").click()
    main.get_by_text("This is Ben now, here and in past recordings.").wait_for()
    assert voices.get_by_role("listitem").all_inner_texts() == ["Ada", "Ben"]
    console.shot()

    with console.page.expect_download() as saved:
        main.get_by_role("button", name="Save as RTTM").click()
    assert saved.value.suggested_filename == "stand-up _b_.rttm"
    text = saved.value.path().read_text()
    assert "Ben" in text
    assert "unknown" not in text


def test_a_voice_that_is_nobody_is_forgotten(console: Console, team: httpx.Client) -> None:
    main = console.open("recordings", "meetings")
    upload(console, "machine.flac", meeting("festival-ked", "festival-ked"))
    main.get_by_role("link", name="machine").click()
    panel = main.get_by_role("region", name=VOICE)
    panel.get_by_role("button", name="Not a person").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Not a person").click()
    main.get_by_text("The voice is forgotten.").wait_for()
    assert team.get("unknowns").json()["items"] == []


def test_two_names_of_one_person_are_merged(console: Console, team: httpx.Client) -> None:
    twin = team.post("speakers", json={"name": "Adelheid"}).json()["id"]
    main = console.open("recordings", "meetings")
    main.get_by_role("link", name="stand-up <b>").click()
    panel = main.get_by_role("region", name=VOICE)
    panel.get_by_role("button", name="The same person as …").click()
    panel.get_by_label("Who").select_option(label="Adelheid")
    panel.get_by_role("button", name="It is the same person").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    main.get_by_text("Ada is now part of Adelheid.").wait_for()
    assert team.get(f"speakers/{twin}").json()["utterances"] == 3
    team.post("history/last/undo").raise_for_status()


def test_a_voice_that_is_not_kept_is_enrolled_from_its_turns(console: Console, server: ConsoleServer) -> None:
    with server.new_gallery("turns", keep_audio=True) as api:
        main = console.open("recordings", "turns")
        upload(console, "one.flac", meeting(BEN, BEN))
        main.get_by_role("link", name="one").click()
        panel = main.get_by_role("region", name=VOICE)
        panel.get_by_label("Who is it?").fill("Ben")
        panel.get_by_role("button", name="Name the voice").click()
        main.get_by_text("Ben is enrolled from these turns.").wait_for()
        (ben,) = api.get("speakers").json()["items"]
        assert (ben["utterances"], ben["speech_seconds"] > 6) == (1, True)


def test_without_kept_audio_there_is_a_timeline_and_a_reason(console: Console) -> None:
    main = console.open("recordings")
    upload(console, "plain.flac", MEETING)
    main.get_by_role("link", name="plain").click()
    main.get_by_text("Its audio is not kept").wait_for()
    assert main.locator(".turn").count() >= 4
    assert main.locator(".wave").count() == 0
    console.shot()


def test_turns_are_reached_by_arrow_keys(console: Console, team: httpx.Client) -> None:
    newest = team.get("recordings").json()["items"][-1]["id"]
    main = console.open("recordings", "meetings", newest)
    turns = main.get_by_role("group", name=re.compile("Ada, turns: ")).get_by_role("button")
    turns.first.focus()
    console.page.keyboard.press("ArrowRight")
    assert turns.nth(1).evaluate("one => one === document.activeElement")
    assert turns.evaluate_all("all => all.map(one => one.tabIndex)")[:2] == [-1, 0]


def test_a_file_that_is_no_recording_fails_in_words(console: Console) -> None:
    main = console.open("recordings")
    upload(console, "broken.flac", MEETING[:200])
    main.get_by_role("listitem").filter(has_text="broken").locator(".note, .problem").wait_for()
    console.shot()


def count(streams: list[int], change: int, request: Any) -> None:
    if request.url.endswith("/events"):
        streams.append(streams[-1] + change)


def test_more_recordings_than_a_browser_has_connections_are_followed(console: Console, server: ConsoleServer) -> None:
    with server.new_gallery("many") as api:
        main = console.open("recordings", "many")
        streams = [0]  # that are open, after each change
        for happens, change in (("request", 1), ("requestfinished", -1), ("requestfailed", -1)):
            console.page.on(happens, partial(count, streams, change))
        files = [{"name": f"{nth}.flac", "mimeType": "audio/flac", "buffer": MEETING} for nth in range(8)]
        console.choose("Choose a recording", *files)
        main.get_by_role("link", name="7", exact=True).wait_for()
        assert main.get_by_role("listitem").get_by_role("link").all_inner_texts() == list("76543210")
        assert {one["state"] for one in api.get("recordings").json()["items"]} == {"done"}
        assert max(streams) <= 2  # one may be told to have ended after the next began
