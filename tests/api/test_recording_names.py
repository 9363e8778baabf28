"""A recording has a name: the caller's, or its file's; RTTM goes by it."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from speakerid.services.engine import Engine
from tests.api.asking import DEFAULT, Json, refused
from tests.services.recorded import MEETING, work

RECORDINGS = f"{DEFAULT}/recordings"


def send(client: TestClient, **params: str) -> Json:
    answer = client.post(RECORDINGS, content=MEETING, params=params)
    assert answer.status_code == 202, answer.text
    found: Json = answer.json()
    return found


def test_it_is_in_the_answer_in_lists_and_in_the_result(client: TestClient, engine: Engine) -> None:
    made = send(client, name=" Monday's stand-up 📅 ")
    assert made["name"] == "Monday's stand-up 📅"
    work(engine)
    assert client.get(f"{RECORDINGS}/{made['id']}").json()["name"] == made["name"]
    assert [one["name"] for one in client.get(RECORDINGS).json()["items"]] == [made["name"]]


def test_what_is_typed_wins_over_the_name_of_the_file(client: TestClient) -> None:
    files = {"file": ("meeting-4711.flac", MEETING)}
    assert client.post(RECORDINGS, files=files).json()["name"] == "meeting-4711"
    assert client.post(RECORDINGS, files=files, params={"name": "stand-up"}).json()["name"] == "stand-up"


@pytest.mark.parametrize(
    ("name", "uri"), [("Monday  stand-up", "Monday_stand-up"), ("張伟 1", "張伟_1"), ("a/b;c", "a/b;c"), (None, None)]
)
def test_rttm_goes_by_it_without_blanks(client: TestClient, engine: Engine, name: str | None, uri: str | None) -> None:
    made = send(client, **({} if name is None else {"name": name}))
    work(engine)
    lines = client.get(f"{RECORDINGS}/{made['id']}", params={"format": "rttm"}).text.splitlines()
    assert {line.split(" ")[1] for line in lines} == {uri or made["id"]}
    assert all(len(line.split(" ")) == 10 for line in lines)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201, "\x00"])
def test_a_name_that_cannot_be_shown_is_refused_before_any_audio(client: TestClient, engine: Engine, name: str) -> None:
    refused(client.post(RECORDINGS, content=MEETING, params={"name": name}), 422, "invalid_request")
    assert client.get(RECORDINGS).json()["items"] == []


def test_another_name_is_another_request_under_one_idempotency_key(client: TestClient) -> None:
    headers = {"Idempotency-Key": "k"}
    first = client.post(RECORDINGS, content=MEETING, params={"name": "a"}, headers=headers)
    again = client.post(RECORDINGS, content=MEETING, params={"name": "a"}, headers=headers)
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    other = client.post(RECORDINGS, content=MEETING, params={"name": "b"}, headers=headers)
    refused(other, 409, "idempotency_key_reused")
