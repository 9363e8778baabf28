"""Speakers in the console: listed, renamed, merged, erased; their names are text whatever they hold."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.console.conftest import ConsoleServer
from tests.console.page import Console
from tests.sampled import ADA, BEN, utterance

HOSTILE = "<img src=x onerror=\"document.title='broken in'\"><script>document.title='broken in'</script>"


@pytest.fixture(scope="module")
def team(server: ConsoleServer) -> Iterator[httpx.Client]:
    with server.new_gallery("people") as api:
        for name, voice in (("Ada", ADA), ("Ben", BEN), (HOSTILE, ADA)):
            speaker = api.post("speakers", json={"name": name, "metadata": {"<b>": HOSTILE}}).json()["id"]
            if name != HOSTILE:
                api.post(f"speakers/{speaker}/utterances", content=utterance(voice)).raise_for_status()
        yield api


def named(api: httpx.Client, name: str) -> dict[str, object]:
    (found,) = api.get("speakers", params={"name": name}).json()["items"]
    return dict(found)


def test_a_name_is_text_whatever_it_holds(console: Console, team: httpx.Client) -> None:
    main = console.open("speakers", "people")
    assert main.get_by_role("link", name=HOSTILE, exact=True).inner_text() == HOSTILE
    console.shot()
    main.get_by_role("link", name=HOSTILE, exact=True).click()
    main.get_by_role("heading", level=1).get_by_text(HOSTILE).wait_for()
    assert main.locator("dd").inner_text() == HOSTILE
    for view in ("enroll", "recordings", "identify"):
        console.open(view, "people")
    assert "broken in" not in console.page.title()
    assert console.page.locator("img, main script").count() == 0


def test_a_search_narrows_the_list(console: Console, team: httpx.Client) -> None:
    main = console.open("speakers", "people")
    main.get_by_label("Search by name").fill("AD")
    assert main.locator("tbody tr").count() == 1
    assert main.get_by_role("row").get_by_text("Ada").is_visible()


def test_a_speaker_is_renamed_and_consent_is_noted(console: Console, team: httpx.Client) -> None:
    main = console.open("speakers", "people", str(named(team, "Ben")["id"]))
    main.get_by_label("Name", exact=True).fill("Ben O'Brien & Söhne")
    main.get_by_role("button", name="Save").first.click()
    main.get_by_role("heading", level=1).get_by_text("Ben O'Brien & Söhne").wait_for()
    main.get_by_label("Given on").fill("2026-01-31")
    main.get_by_label("For what").fill("meetings")
    main.get_by_label("Ends on").fill("2027-01-31")
    with console.page.expect_response(lambda answer: answer.request.method == "PATCH"):
        main.get_by_role("button", name="Save").last.click()
    console.page.locator("#announcer").get_by_text("Saved.").wait_for(state="attached")
    found = named(team, "Ben O'Brien & Söhne")
    given, ended = "2026-01-31T00:00:00+00:00", "2027-02-01T00:00:00+00:00"  # a day as an end is over when it is over
    assert found["consent"] == {"purpose": "meetings", "given_at": given, "expires_at": ended}
    assert main.get_by_label("Ends on").input_value() == "2027-01-31"
    console.shot()


def test_tags_are_set_and_pick_from_the_list(console: Console, team: httpx.Client) -> None:
    main = console.open("speakers", "people", str(named(team, "Ada")["id"]))
    main.get_by_label("Tags").fill("Staff, night shift,")
    main.get_by_role("button", name="Save").first.click()
    console.page.locator("#announcer").get_by_text("Saved.").wait_for(state="attached")
    assert named(team, "Ada")["tags"] == ["night shift", "staff"]
    assert main.get_by_label("Tags").input_value() == "night shift, staff"
    main = console.open("speakers", "people")
    assert main.locator("datalist option").count() == 2
    main.get_by_label("Only with the tag").fill("STAFF")
    main.get_by_label("Only with the tag").press("Enter")
    main.get_by_text("Speakers: 1").wait_for()
    assert main.get_by_role("row").nth(1).inner_text().startswith("Ada\tnight shift, staff")
    console.shot()
    main.get_by_label("Only with the tag").fill("")
    main.get_by_label("Only with the tag").press("Enter")
    main.get_by_text("Speakers: 3").wait_for()


def test_what_another_changed_meanwhile_is_not_overwritten(console: Console, team: httpx.Client) -> None:
    ada = named(team, "Ada")
    main = console.open("speakers", "people", str(ada["id"]))
    team.patch(f"speakers/{ada['id']}", json={"external_id": "hr-4711"}).raise_for_status()
    main.get_by_label("Name", exact=True).fill("Adele")
    main.get_by_role("button", name="Save").first.click()
    assert "Somebody else changed this meanwhile" in main.get_by_role("alert").inner_text()
    assert named(team, "Ada")["external_id"] == "hr-4711"


def test_erasing_asks_first(console: Console, team: httpx.Client) -> None:
    eve = team.post("speakers", json={"name": "Eve"}).json()["id"]
    main = console.open("speakers", "people", eve)
    dialog = console.page.get_by_role("dialog", name="Erase Eve?")
    main.get_by_role("button", name="Erase the speaker").click()
    console.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert team.get(f"speakers/{eve}").status_code == 200
    main.get_by_role("button", name="Erase the speaker").click()
    dialog.wait_for()
    console.shot()
    dialog.get_by_role("button", name="Erase the speaker").click()
    main.get_by_role("heading", name="Speakers").wait_for()
    assert team.get(f"speakers/{eve}").status_code == 404


def test_one_person_under_two_names_is_merged(console: Console, team: httpx.Client) -> None:
    twin = team.post("speakers", json={"name": "Ada L."}).json()["id"]
    team.post(f"speakers/{twin}/utterances", content=utterance(ADA, 1), params={"accept": "voice_already_enrolled"})
    main = console.open("speakers", "people", twin)
    main.get_by_label("Is the same person as").select_option(label="Ada")
    main.get_by_role("button", name="Merge").click()
    console.page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    main.get_by_role("heading", name="Ada", level=1, exact=True).wait_for()
    assert named(team, "Ada")["utterances"] == 2
