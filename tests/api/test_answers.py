"""Answers to repeated requests and to erasures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from speakerid.db.erasure import BRIEFLY
from speakerid.db.models import SpeakerRow
from speakerid.services.engine import Engine
from speakerid.services.scrubber import Scrubber
from tests.api.asking import DEFAULT, SPEAKERS, enroll, new_speaker, refused
from tests.api.conftest import Scoped
from tests.conftest import STORES
from tests.db.rows import unit
from tests.sampled import ADA, utterance
from tests.services.enrolled import add_speaker, made_up


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Both, because they settle races differently."""
    kind: str = request.param
    return kind


def create(client: TestClient, idempotency_key: str, name: str = "Ada", **headers: str) -> Any:
    return client.post(SPEAKERS, json={"name": name}, headers={"Idempotency-Key": idempotency_key, **headers})


def test_a_repeated_request_gets_its_first_answer(client: TestClient) -> None:
    first, again = create(client, "k1"), create(client, "k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert len(client.get(SPEAKERS).json()["items"]) == 1


def test_another_key_is_another_request(client: TestClient) -> None:
    assert create(client, "k1").json()["id"] != create(client, "k2").json()["id"]


def test_a_key_is_not_used_for_something_else(client: TestClient) -> None:
    create(client, "k1")
    refused(create(client, "k1", name="Ben"), 409, "idempotency_key_reused")
    assert len(client.get(SPEAKERS).json()["items"]) == 1


def test_the_same_key_of_two_callers_means_two_requests(client: TestClient, key: Scoped) -> None:
    one, other = key("admin"), key("admin")
    assert create(client, "k1", **one).json()["id"] != create(client, "k1", **other).json()["id"]


def test_the_same_key_in_two_galleries_means_two_requests(client: TestClient) -> None:
    client.post("/v1/galleries", json={"name": "team"})
    here = create(client, "k1").json()["id"]
    there = client.post("/v1/galleries/team/speakers", json={"name": "Ada"}, headers={"Idempotency-Key": "k1"})
    assert there.json()["id"] != here


def test_a_refusal_is_not_kept(client: TestClient) -> None:
    refused(create(client, "k1", name=""), 422, "invalid_request")
    assert create(client, "k1").status_code == 201


def test_a_gallery_is_created_once(client: TestClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    first, again = (client.post("/v1/galleries", json={"name": "team"}, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())


def test_sent_at_once_the_work_is_done_once(client: TestClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: create(client, "k1"), range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_key_in_use"}
    assert len(client.get(SPEAKERS).json()["items"]) == 1


def test_after_the_speaker_was_erased_its_answer_is_gone(client: TestClient) -> None:
    first = create(client, "k1").json()["id"]
    client.delete(f"{SPEAKERS}/{first}")
    assert create(client, "k1").json()["id"] != first


def test_a_change_based_on_an_old_reading_is_refused(client: TestClient) -> None:
    ada = f"{SPEAKERS}/{new_speaker(client, 'Ada')}"
    read = client.get(ada)
    assert read.headers["etag"] == read.json()["etag"]
    changed = client.patch(ada, json={"name": "Ada L."}, headers={"If-Match": read.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != read.headers["etag"]
    stale = client.patch(ada, json={"name": "Eve"}, headers={"If-Match": read.headers["etag"]})
    refused(stale, 412, "precondition_failed")
    assert client.get(ada).json()["name"] == "Ada L."
    assert client.patch(ada, json={"name": "Anybody"}, headers={"If-Match": "*"}).status_code == 200
    some = {"If-Match": f'"v999", {client.get(ada).headers["etag"]}'}
    assert client.patch(ada, json={"name": "Somebody"}, headers=some).status_code == 200
    assert client.patch(ada, json={"name": "Anybody"}).status_code == 200


def test_enrolling_changes_the_etag(client: TestClient) -> None:
    ada = new_speaker(client, "Ada")
    before = client.get(f"{SPEAKERS}/{ada}").headers["etag"]
    enroll(client, ada, utterance(ADA))
    assert client.get(f"{SPEAKERS}/{ada}").headers["etag"] != before


def test_a_gallery_has_an_etag_too(client: TestClient) -> None:
    etag = client.get(DEFAULT).headers["etag"]
    assert client.patch(DEFAULT, json={"target_fpir": 0.02}, headers={"If-Match": etag}).status_code == 200
    answer = client.patch(DEFAULT, json={"target_fpir": 0.03}, headers={"If-Match": etag})
    refused(answer, 412, "precondition_failed")


def test_pages_are_complete_while_others_are_added_and_erased(client: TestClient) -> None:
    before = [new_speaker(client, f"Speaker {number}") for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = client.get(SPEAKERS, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        if len(seen) == 2:
            client.delete(f"{SPEAKERS}/{seen[-1]}")  # the very row that the cursor names
        if len(seen) < 8:
            new_speaker(client, "One more")
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen)


def test_the_last_page_says_so(client: TestClient) -> None:
    for number in range(4):
        new_speaker(client, f"Speaker {number}")
    assert client.get(SPEAKERS, params={"limit": 4}).json()["next_cursor"] is None
    assert client.get(SPEAKERS, params={"limit": 3}).json()["next_cursor"] is not None


def test_utterances_come_page_by_page(client: TestClient) -> None:
    ada = new_speaker(client, "Ada")
    made = [enroll(client, ada, utterance(ADA, number))["utterance"]["id"] for number in range(3)]
    url = f"{SPEAKERS}/{ada}/utterances"
    first = client.get(url, params={"limit": 2}).json()
    rest = client.get(url, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert sorted(one["id"] for one in first["items"] + rest["items"]) == sorted(made)
    assert rest["next_cursor"] is None


def test_speakers_are_found_by_name_and_external_id(client: TestClient) -> None:
    ada = new_speaker(client, "Ada", external_id="hr-1")
    new_speaker(client, "Ben", external_id="hr-2")
    for query in ({"name": "Ada"}, {"name": "ADA "}, {"external_id": "hr-1"}, {"name": "Ada", "external_id": "hr-1"}):
        assert [one["id"] for one in client.get(SPEAKERS, params=query).json()["items"]] == [ada]
    for other in ({"name": "Adá"}, {"external_id": "HR-1"}):
        assert client.get(SPEAKERS, params=other).json()["items"] == []


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_while_a_reader_keeps_bytes_the_answer_is_202(engine: Engine, client: TestClient) -> None:
    ada, ben = (add_speaker(engine, name, made_up(unit(n)), made_up(unit(n + 5))) for n, name in enumerate(("A", "B")))
    utterance = client.get(f"{SPEAKERS}/{ada.id}/utterances").json()["items"][0]["id"]
    client.app.state.engine = replace(engine, effort=BRIEFLY)  # type: ignore[attr-defined]  # a FastAPI
    with engine.read() as reader:
        reader.scalar(select(func.count(SpeakerRow.key)))
        erased = client.delete(f"{SPEAKERS}/{ada.id}/utterances/{utterance}")
        assert (erased.status_code, erased.json()["utterances"]) == (202, 1)
        assert client.delete(f"{SPEAKERS}/{ada.id}").status_code == 202
        assert client.get("/readyz").json()["erasures_pending"] == 2
    scrubber = Scrubber(engine)
    scrubber.start()
    for _ in range(500):
        if client.get("/readyz").json()["erasures_pending"] == 0:
            break
    scrubber.stop()
    assert client.get("/readyz").json()["erasures_pending"] == 0
    assert client.delete(f"{SPEAKERS}/{ben.id}").status_code == 204
