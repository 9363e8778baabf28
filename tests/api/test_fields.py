"""Text that callers send: kept as it is, or refused before anything is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.asking import DEFAULT, SPEAKERS, new_speaker, refused
from tests.conftest import STORES

NESTED: dict[str, Any] = {}
for _ in range(400):
    NESTED = {"a": NESTED}


@pytest.fixture(params=STORES)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Both, because they keep text differently."""
    kind: str = request.param
    return kind


@pytest.mark.parametrize(
    "name",
    ["Ada", "O'Brien; DROP TABLE speakers;--", "Zoë 张伟 🎙", "👩‍🚀", "نیلوفر‌ها", "Jean Luc", "a" * 200, "%_\\"],
)
def test_a_name_comes_back_as_it_was_sent(client: TestClient, name: str) -> None:
    speaker = new_speaker(client, name)
    assert client.get(f"{SPEAKERS}/{speaker}").json()["name"] == name
    found = client.get(SPEAKERS, params={"name": name}).json()["items"]
    assert [one["id"] for one in found] == [speaker]


@pytest.mark.parametrize("asked", ["zoë weiss", "ZOE\u0308\u00a0WEISS", "Ｚｏë Weiß"])
def test_a_name_is_found_however_it_is_written(client: TestClient, asked: str) -> None:
    speaker = new_speaker(client, "Zoë Weiß")
    new_speaker(client, "Zoe Weiß")
    found = client.get(SPEAKERS, params={"name": asked}).json()["items"]
    assert [(one["id"], one["name"]) for one in found] == [(speaker, "Zoë Weiß")]


def test_a_name_that_is_renamed_is_found_by_the_new_one(client: TestClient) -> None:
    speaker = new_speaker(client, "Ada")
    client.patch(f"{SPEAKERS}/{speaker}", json={"name": "Zoe\u0308"})
    assert [one["id"] for one in client.get(SPEAKERS, params={"name": "ZOË"}).json()["items"]] == [speaker]
    assert client.get(SPEAKERS, params={"name": "Ada"}).json()["items"] == []


def test_numbers_as_names_stay_texts(client: TestClient) -> None:
    speakers = {name: new_speaker(client, name) for name in ("007", "7", "1e5", "null", "true")}
    for name, speaker in speakers.items():
        assert client.get(f"{SPEAKERS}/{speaker}").json()["name"] == name
        assert [one["id"] for one in client.get(SPEAKERS, params={"name": name}).json()["items"]] == [speaker]


def test_a_name_is_trimmed(client: TestClient) -> None:
    speaker = new_speaker(client, "  Ada\n")
    assert client.get(f"{SPEAKERS}/{speaker}").json()["name"] == "Ada"


REFUSED = {
    "10,000 characters": {"name": "x" * 10_000},
    "empty": {"name": ""},
    "blank": {"name": " \t "},
    "NUL": {"name": "A\0da"},
    "line break inside": {"name": "A\nda"},
    "escape": {"name": "\x1b[31mAda"},
    "override of direction": {"name": "Ada\u202eevE"},
    "byte order mark": {"name": "\ufeffAda"},
    "unseen blank": {"name": "A\u200bda"},
    "non-character": {"name": "Ada\uffff"},
    "nothing to be seen": {"name": "\u200d\u3164"},
    "half a character": {"name": "\ud800"},
    "missing": {},
    "null": {"name": None},
    "a number": {"name": 7},
    "unknown field": {"name": "Ada", "nmae": "Ada"},
    "long external id": {"name": "Ada", "external_id": "x" * 201},
    "control in external id": {"name": "Ada", "external_id": "a\0"},
    "large metadata": {"name": "Ada", "metadata": {"note": "x" * 17_000}},
    "large metadata in few characters": {"name": "Ada", "metadata": {"note": "張" * 6_000}},
    "metadata that is a list": {"name": "Ada", "metadata": [1]},
    "metadata with NaN": {"name": "Ada", "metadata": {"x": float("nan")}},
    "metadata with half a character": {"name": "Ada", "metadata": {"x": "\ud800"}},
    "metadata with half a character as key": {"name": "Ada", "metadata": {"\udfff": 1}},
    "metadata with NUL": {"name": "Ada", "metadata": {"x": "\0"}},
    "deep metadata": {"name": "Ada", "metadata": NESTED},
    "large consent": {"name": "Ada", "consent": {"note": "x" * 17_000}},
    "not an object": ["Ada"],
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_kept_is_refused(client: TestClient, what: str) -> None:
    body = json.dumps(REFUSED[what])
    answer = client.post(SPEAKERS, content=body, headers={"Content-Type": "application/json"})
    refused(answer, 422, "invalid_request")
    assert client.get(SPEAKERS).json()["items"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"name": ' + b"9" * 5_000 + b"}"])
def test_what_is_not_json_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post(SPEAKERS, content=body, headers={"Content-Type": "application/json"})
    refused(answer, 422, "invalid_request")


@pytest.mark.parametrize(
    "metadata", [{}, {"a": [1, 2.5, None, True, {"b": "ü🎙"}]}, {"big": 10**30}, {"backslash": "\\u0000 as text"}]
)
def test_metadata_comes_back_as_it_was_sent(client: TestClient, metadata: dict[str, Any]) -> None:
    speaker = new_speaker(client, "Ada", metadata=metadata, consent={"given": "2026-01-31"})
    found = client.get(f"{SPEAKERS}/{speaker}").json()
    assert (found["metadata"], found["consent"]) == (metadata, {"given": "2026-01-31"})


@pytest.mark.parametrize("name", ["", "Team", "-team", "a b", "a/b", "x" * 65, "ü", "a\n", "default\0"])
def test_gallery_names_are_plain(client: TestClient, name: str) -> None:
    refused(client.post("/v1/galleries", json={"name": name}), 422, "invalid_request")


@pytest.mark.parametrize(
    "settings",
    [
        {"target_fpir": 0},
        {"target_fpir": 1},
        {"target_fpir": "0.5"},
        {"min_speech_seconds": -1},
        {"enroll_speech_seconds": 601},
        {"keep_unknown_voices": 0},
        {"keep_audio": "yes"},
        {"x": 1},
    ],
)
def test_gallery_settings_have_bounds(client: TestClient, settings: dict[str, Any]) -> None:
    refused(client.patch(DEFAULT, json=settings), 422, "invalid_request")


@pytest.mark.parametrize(
    "path", ["/v1/galleries/%00", f"{SPEAKERS}/%00", f"{SPEAKERS}?name=%00", f"{SPEAKERS}?cursor=%00"]
)
def test_a_nul_in_an_address_is_nothing_special(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (200, 404, 422)


def test_a_taken_external_id_names_its_speaker(client: TestClient) -> None:
    ada = new_speaker(client, "Ada", external_id="hr-1")
    ben = new_speaker(client, "Ben")
    for answer in (
        client.post(SPEAKERS, json={"name": "Eve", "external_id": "hr-1"}),
        client.patch(f"{SPEAKERS}/{ben}", json={"external_id": "hr-1", "name": "Eve"}),
    ):
        assert ada in refused(answer, 409, "external_id_taken")["detail"]
    assert [one["name"] for one in client.get(SPEAKERS).json()["items"]] == ["Ada", "Ben"]


def test_a_gallery_that_is_there_is_not_made_again(client: TestClient) -> None:
    refused(client.post("/v1/galleries", json={"name": "default"}), 409, "gallery_exists")


def test_the_default_gallery_stays(client: TestClient) -> None:
    refused(client.delete(DEFAULT), 409, "default_gallery")


def test_patch_changes_what_it_names(client: TestClient) -> None:
    ada = new_speaker(client, "Ada", external_id="hr-1", metadata={"a": 1})
    changed = client.patch(f"{SPEAKERS}/{ada}", json={"name": "Ada L.", "metadata": {"b": 2}}).json()
    assert (changed["name"], changed["external_id"], changed["metadata"]) == ("Ada L.", "hr-1", {"b": 2})
    gallery = client.patch(DEFAULT, json={"target_fpir": 0.05, "keep_audio": True}).json()
    assert (gallery["target_fpir"], gallery["keep_audio"], gallery["min_speech_seconds"]) == (0.05, True, 1.0)


def test_a_gallery_says_how_utterances_are_combined(client: TestClient) -> None:
    assert client.get(DEFAULT).json()["combining"] == "mean"
    assert client.patch(DEFAULT, json={"combining": "weighted"}).json()["combining"] == "weighted"
    assert client.get(DEFAULT).json()["combining"] == "weighted"
    assert client.patch(DEFAULT, json={"combining": "median"}).status_code == 422
