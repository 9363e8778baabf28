"""Tags over HTTP: at create, in PATCH, in every answer, as a filter of lists, and as who may be named."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.sampled import ADA, BEN, probe, utterance

SPEAKERS = "/v1/galleries/default/speakers"
IDENTIFY = "/v1/galleries/default/identify"


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def make(client: TestClient, name: str, *tags: str) -> Any:
    return client.post(SPEAKERS, json={"name": name, "tags": list(tags)})


def test_every_answer_about_a_speaker_has_their_tags(client: TestClient) -> None:
    made = make(client, "Ada", "Staff", " berlin ", "STAFF").json()
    path = f"{SPEAKERS}/{made['id']}"
    assert made["tags"] == ["berlin", "staff"]
    enrolled = client.post(f"{path}/utterances", content=utterance(ADA, 0)).json()["speaker"]
    assert enrolled["tags"] == client.get(path).json()["tags"] == ["berlin", "staff"]
    changed = client.patch(path, json={"tags": ["b"]}, headers={"If-Match": enrolled["etag"]})
    assert (changed.json()["tags"], changed.headers["etag"] != enrolled["etag"]) == (["b"], True)
    assert client.get(SPEAKERS).json()["items"][0]["tags"] == ["b"]
    assert make(client, "Ben").json()["tags"] == client.post(SPEAKERS, json={"name": "Cy"}).json()["tags"] == []


def test_a_list_by_tag_goes_on_with_its_cursor(client: TestClient) -> None:
    for nth in range(5):
        make(client, f"s{nth}", "even" if nth % 2 == 0 else "odd")
    first = client.get(SPEAKERS, params={"tag": "EVEN", "limit": 2}).json()
    rest = client.get(SPEAKERS, params={"tag": "even", "limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["name"] for one in (*first["items"], *rest["items"])] == ["s0", "s2", "s4"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("tags", [["a,b"], [""], ["x" * 65], [f"t{nth}" for nth in range(33)]])
def test_what_is_no_tag_has_a_code_of_its_own(client: TestClient, tags: list[str]) -> None:
    refused = make(client, "Ada", *tags)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_tag")
    assert client.get(SPEAKERS).json()["items"] == []


def test_only_who_has_one_of_the_tags_is_named(client: TestClient) -> None:
    for name, voice, tags in (("Ada", ADA, ["staff", "berlin"]), ("Ben", BEN, ["staff"])):
        path = f"{SPEAKERS}/{make(client, name, *tags).json()['id']}"
        client.post(f"{path}/utterances", content=utterance(voice, 0)).raise_for_status()

    def named(**params: str) -> tuple[str, list[str]]:
        found = client.post(IDENTIFY, content=probe(BEN), params=params).json()
        return found["decision"], sorted(one["speaker"]["name"] for one in found["candidates"])

    assert named() == named(tags="staff") == named(tags="berlin, STAFF") == ("accept", ["Ada", "Ben"])
    assert named(tags="berlin") == ("unknown", ["Ada"])
    assert named(tags="berlin", candidates="Ben") == named(tags="guests") == named(tags="") == ("no_speakers", [])
    job = client.post("/v1/galleries/default/recordings", content=probe(BEN), params={"tags": "Staff"}).json()
    assert job["options"]["tags"] == ["staff"]
    again = client.post(f"{IDENTIFY}?tags=staff&tags=berlin", content=probe(BEN)).json()
    assert again["code"] == "invalid_request"  # as with candidates: once, with commas
