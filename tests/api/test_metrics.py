"""Figures for Prometheus: what is counted, who may read it, and that nobody is named."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.asking import DEFAULT, SPEAKERS, enrolled, identify, refused
from tests.api.conftest import ClientMaker, Scoped
from tests.api.streaming import STREAM, answers
from tests.sampled import ADA, probe, silence, stranger

IDENTIFY = 'method="POST",route="/v1/galleries/{gallery}/identify"'


@pytest.fixture
def api(open_client: ClientMaker) -> TestClient:
    """With figures of its own."""
    return open_client()


def figures(client: TestClient, **headers: Any) -> dict[str, float]:
    answer = client.get("/metrics", **headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    lines = (line for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_requests_are_counted_by_route_and_class_of_status(api: TestClient) -> None:
    enrolled(api, ADA)
    identify(api, probe(ADA))
    api.post(f"{DEFAULT}/identify", content=b"no audio")
    found = figures(api)
    assert found[f'speakerid_requests_total{{{IDENTIFY},status="2xx"}}'] == 1
    assert found[f'speakerid_requests_total{{{IDENTIFY},status="4xx"}}'] == 1
    assert found[f"speakerid_request_seconds_count{{{IDENTIFY}}}"] == 2
    assert found['speakerid_problems_total{code="unsupported_audio"}'] == 1


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/no/such/path/of/Ada", "unmatched"),
        ("GET", f"{SPEAKERS}/spk_1", "/v1/galleries/{gallery}/speakers/{speaker_id}"),
        ("HEAD", DEFAULT, "/v1/galleries/{gallery}"),
        ("DELETE", SPEAKERS, "/v1/galleries/{gallery}/speakers"),
        ("OPTIONS", DEFAULT, "unmatched"),
        ("GET", "/openapi.json", "/openapi.json"),
        ("GET", "/healthz/", "/healthz"),
        ("POST", "/hf/default", "/hf/{name}"),
    ],
)
def test_the_label_of_a_route_is_its_template(api: TestClient, method: str, path: str, route: str) -> None:
    api.request(method, path)
    names = [name for name in figures(api) if name.startswith("speakerid_requests_total")]
    assert [name for name in names if f'method="{method}",route="{route}"' in name] == names


def test_a_made_up_method_makes_no_label(api: TestClient) -> None:
    for number in range(3):
        api.request(f"ADA{number}", DEFAULT)
    names = [name for name in figures(api) if name.startswith("speakerid_requests_total")]
    assert ['method="OTHER"' in name for name in names] == [True]


def test_decisions_and_decoded_audio_are_counted(api: TestClient) -> None:
    ada = enrolled(api, ADA)
    before = figures(api)["speakerid_audio_seconds_total"]
    for audio in (probe(ADA), stranger(), silence()):
        identify(api, audio)
    api.post(f"{SPEAKERS}/{ada}/verify", content=stranger())
    found = figures(api)
    made = {name: value for name, value in found.items() if name.startswith("speakerid_decisions_total")}
    assert made == {
        'speakerid_decisions_total{decision="accept",verb="identify"}': 1,
        'speakerid_decisions_total{decision="unknown",verb="identify"}': 1,
        'speakerid_decisions_total{decision="not_enough_speech",verb="identify"}': 1,
        'speakerid_decisions_total{decision="reject",verb="verify"}': 1,
    }
    assert found["speakerid_audio_seconds_total"] > before + 5.0


def test_what_the_process_and_its_store_hold_is_read_when_asked(api: TestClient) -> None:
    enrolled(api, ADA)
    identify(api, probe(ADA))
    api.post(f"{DEFAULT}/recordings", content=probe(ADA))
    found = figures(api)
    wanted = {
        'speakerid_recordings{state="queued"}': 1,
        "speakerid_index_voiceprints": 1,
        "speakerid_encoder_waiting": 0,
        "speakerid_encoder_working": 1,
        "speakerid_live_streams": 0,
        'speakerid_long_work{kind="gallery"}': 0,
        "speakerid_erasures_pending": 0,
    }
    assert {name: found[name] for name in wanted} == wanted
    assert any(re.fullmatch(r'speakerid_build_info{encoder="fake@.*",version=".*"}', name) for name in found)
    assert found["process_resident_memory_bytes"] > 0


def test_a_live_stream_is_one_request_and_a_refused_one_says_why(api: TestClient) -> None:
    assert answers(api, b"")[-1]["type"] == "done"
    assert answers(api, b"", url=STREAM.replace("default", "nowhere"))[-1]["type"] == "error"
    found = figures(api)
    stream = 'speakerid_requests_total{method="WEBSOCKET",route="/v1/galleries/{gallery}/stream",status='
    assert (found[f'{stream}"1xx"}}'], found[f'{stream}"4xx"}}']) == (1, 1)
    assert found['speakerid_problems_total{code="gallery_not_found"}'] == 1


def test_nobody_is_named(api: TestClient) -> None:
    api.post("/v1/galleries", json={"name": "lovelace"})
    ada = enrolled(api, ADA, "lovelace")
    identify(api, probe(ADA), "lovelace")
    api.get("/v1/galleries/lovelace/speakers", params={"name": "Ada"})
    text = api.get("/metrics").text
    assert [word for word in ("lovelace", ada, "Ada", ADA) if word in text] == []


def test_a_scraper_needs_a_key_that_may_read_the_whole_store(open_client: ClientMaker, key: Scoped) -> None:
    api = open_client(host="0.0.0.0")
    refused(api.get("/metrics"), 401, "key_missing")
    refused(api.get("/metrics", headers=key("identify")), 403, "scope_missing")
    refused(api.get("/metrics", headers=key("read", galleries=("default",))), 403, "scope_missing")
    assert figures(api, headers=key("read"))["speakerid_live_streams"] == 0


def test_an_open_server_shows_none_to_web_pages_of_others(api: TestClient) -> None:
    refused(api.get("/metrics", headers={"Origin": "https://evil.example"}), 401, "key_missing")
