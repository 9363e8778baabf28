"""Audit, repair and undo over HTTP."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.api.asking import DEFAULT, SPEAKERS, enroll, enrolled, identify, new_speaker, refused
from tests.conftest import STORES
from tests.sampled import ADA, BEN, probe, utterance


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def test_an_audit_suggests_what_then_puts_things_right(client: TestClient) -> None:
    ada, ben = enrolled(client, ADA, utterances=3), enrolled(client, BEN, utterances=3)
    wrong = enroll(client, ada, probe(BEN), accept="does_not_match_speaker")["utterance"]["id"]
    (finding,) = client.post(f"{DEFAULT}/audit").json()["findings"]
    todo = finding["suggestion"]
    assert (finding["kind"], finding["speaker"]["id"], finding["other"]["id"]) == ("mislabeled", ada, ben)
    assert todo == {"action": "move_utterance", "speaker": ada, "utterance": wrong, "to": ben}
    moved = client.post(f"{SPEAKERS}/{ada}/utterances/{wrong}/move", json={"to": ben})
    assert moved.status_code == 200
    assert [one["utterances"] for one in moved.json()["speakers"]] == [3, 4]
    assert client.post(f"{DEFAULT}/audit").json()["findings"] == []


def test_a_merge_its_history_and_its_undo(client: TestClient) -> None:
    ada, twin = enrolled(client, ADA, utterances=2), new_speaker(client, "Twin", external_id="hr-1")
    enroll(client, twin, utterance(ADA, 2), accept="voice_already_enrolled")
    merged = client.post(f"{SPEAKERS}/{twin}/merge", json={"into": ada}).json()
    assert merged["summary"] == f"Twin was merged into {ADA}, with 1 utterance."
    assert client.get(f"{SPEAKERS}/{twin}").status_code == 404
    assert [one["speaker"]["id"] for one in identify(client, probe(ADA))["candidates"]] == [ada]
    assert client.get(f"{DEFAULT}/history").json() == {"items": [merged["change"]], "next_cursor": None}
    undone = client.post(f"{DEFAULT}/history/last/undo").json()
    assert undone["change"] == merged["change"] | {"state": "undone"}
    assert client.get(f"{SPEAKERS}/{twin}").json()["external_id"] == "hr-1"
    assert {one["speaker"]["id"] for one in identify(client, probe(ADA))["candidates"]} == {ada, twin}
    refused(client.post(f"{DEFAULT}/history/{merged['change']['id']}/undo"), 409, "undo_impossible")
    refused(client.post(f"{DEFAULT}/history/last/undo"), 404, "change_not_found")


def test_history_page_by_page(client: TestClient) -> None:
    ada, gone = new_speaker(client, "Ada"), [new_speaker(client, f"S{n}") for n in range(3)]
    for one in gone:
        assert client.post(f"{SPEAKERS}/{one}/merge", json={"into": ada}).status_code == 200
    first = client.get(f"{DEFAULT}/history", params={"limit": 2}).json()
    rest = client.get(f"{DEFAULT}/history", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["speaker"]["name"] for one in first["items"] + rest["items"]] == ["S2", "S1", "S0"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("body", [{}, {"into": ""}, {"into": 1}, {"in_to": "spk_1"}, {"into": "x" * 65}])
def test_a_merge_needs_to_know_into_whom(client: TestClient, body: dict[str, object]) -> None:
    answer = client.post(f"{SPEAKERS}/{new_speaker(client, 'Ada')}/merge", json=body)
    assert answer.json()["code"] == ("speaker_not_found" if body == {"into": ""} else "invalid_request")


def test_no_speaker_is_merged_with_themselves(client: TestClient) -> None:
    ada = new_speaker(client, "Ada")
    refused(client.post(f"{SPEAKERS}/{ada}/merge", json={"into": ada}), 422, "invalid_request")
