"""A recording that is fetched from elsewhere, as a job like any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from speakerid.client import Client, ClientError
from speakerid.services.engine import Engine
from tests.api.asking import DEFAULT, enrolled, refused
from tests.api.conftest import ClientMaker
from tests.client.through import Through
from tests.sampled import ADA, probe
from tests.services.recorded import MEETING, pieces, rows, work
from tests.services.recordings.media import Media, served

RECORDINGS = f"{DEFAULT}/recordings"


@pytest.fixture(scope="module")
def media() -> Iterator[Media]:
    with served(meeting=MEETING, text=b"no audio") as made:
        yield made


@pytest.fixture
def fetching(open_client: ClientMaker, media: Media) -> TestClient:
    return open_client(fetch_hosts=media.host, fetch_private=True)


def send(client: TestClient, url: str, headers: dict[str, str] | None = None, **params: Any) -> Any:
    return client.post(RECORDINGS, json={"url": url}, params=params, headers=headers)


def test_it_is_fetched_and_worked_on(fetching: TestClient, engine: Engine, media: Media) -> None:
    enrolled(fetching, ADA, utterances=2)
    answer = send(fetching, media.url(), speakers=2)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["state"], job["name"], job["options"]["speakers"]) == ("queued", "meeting", 2)
    work(engine)
    result = fetching.get(answer.headers["location"]).json()["result"]
    assert {turn["speaker"]["name"] for turn in result["turns"] if turn["speaker"]} == {ADA}


def test_it_is_the_same_job_under_the_same_key(fetching: TestClient, engine: Engine, media: Media) -> None:
    first, second = (send(fetching, media.url(), headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotent-replayed"] == "true"
    assert rows(engine) == 1


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "audio/wav"])
def test_the_content_says_what_it_is(fetching: TestClient, media: Media, content_type: str) -> None:
    body, headers = json.dumps({"url": media.url()}), {"Content-Type": content_type}
    assert fetching.post(RECORDINGS, content=body, headers=headers).status_code == 202


def test_audio_that_is_called_json_is_audio(fetching: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    assert fetching.post(RECORDINGS, content=probe(ADA), headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "fetch_refused"),
        ("http://localhost/", "fetch_refused"),
        ("file:///etc/passwd", "fetch_refused"),
        ("", "fetch_refused"),
        ("/redirect", "fetch_failed"),
        ("/nothing", "fetch_failed"),
        ("/text.flac", "unsupported_audio"),
    ],
)
def test_what_cannot_be_fetched_leaves_nothing(
    fetching: TestClient, engine: Engine, media: Media, url: str, code: str
) -> None:
    answer = send(fetching, media.url(url) if url.startswith("/") else url)
    assert "JSON" not in refused(answer, 415 if "audio" in code else 422, code)["detail"]
    assert (rows(engine), pieces(engine)) == (0, 0)


def test_more_than_a_recording_may_have_leaves_nothing(open_client: ClientMaker, engine: Engine, media: Media) -> None:
    client = open_client(fetch_hosts=media.host, fetch_private=True, max_recording_bytes=3 * 1024 * 1024)
    refused(send(client, media.url("/endless")), 413, "file_too_large")
    assert (rows(engine), pieces(engine)) == (0, 0)


def test_nothing_is_fetched_unless_the_operator_lists_hosts(client: TestClient, media: Media) -> None:
    before = len(media.asked)
    assert "fetches no recordings" in refused(send(client, media.url()), 422, "fetch_refused")["detail"]
    assert len(media.asked) == before


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"url": 1}, "url: Input should be a valid string"),
        ({"url": "https://a.example/b", "speakers": 2}, "speakers: Extra inputs"),
        ({"url": "https://a.example/" + "b" * 2000}, "at most 2000"),
    ],
)
def test_json_that_is_wrong_is_told_what_is(fetching: TestClient, body: Any, sentence: str) -> None:
    assert sentence in refused(fetching.post(RECORDINGS, json=body), 422, "invalid_request")["detail"]


@pytest.mark.parametrize(
    "body", [b'{"audio": "UklGRg=="}', b"{", b"{" * 100_000, b'["url"]', b" " * 40_000, b'{"url": "' + b"x" * 40_000]
)
def test_json_that_is_something_else_is_no_audio(fetching: TestClient, engine: Engine, body: bytes) -> None:
    answer = fetching.post(RECORDINGS, content=body)
    assert answer.status_code in (415, 422)
    assert answer.json()["code"] in ("unsupported_audio", "malformed_audio", "truncated_audio")
    assert rows(engine) == 0


def test_the_client_sends_a_url_as_one(fetching: TestClient, media: Media) -> None:
    with Client("http://127.0.0.1", transport=Through(fetching)) as voices:
        assert voices.send_recording(media.url(), max_speakers=3).name == "meeting"
        with pytest.raises(ClientError, match="does not fetch from"):
            voices.send_recording("https://elsewhere.example/meeting.m4a")
