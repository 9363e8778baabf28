"""The WebSocket of live streams: who may, what comes back, and that every way to do it wrong has its code."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from speakerid.services import galleries
from speakerid.services.engine import Engine
from tests.api.asking import DEFAULT, enrolled, new_speaker
from tests.api.conftest import ClientMaker
from tests.api.streaming import HERE, STREAM, answers, events, pcm, refusal, say
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN


@pytest.fixture
def known(client: TestClient) -> TestClient:
    for voice in (ADA, BEN):
        enrolled(client, voice, utterances=3)
    return client


def test_two_known_speakers_are_named_while_they_speak(known: TestClient) -> None:
    ready, *events, done = answers(known, pcm(ADA, BEN))
    assert (ready["type"], ready["gallery"], ready["calibration"]) == ("ready", "default", "default")
    finals = [one for one in events if one["type"] == "turn" and one["final"]]
    assert [one["speaker"]["name"] for one in finals] == [ADA, BEN]
    assert all(one["voice"] == one["speaker"]["id"] and one["llr"] > 0 for one in finals)
    shown = [one for one in events if one["type"] == "turn" and not one["final"]]
    assert {one["turn"] for one in shown} == {0, 1}
    assert [one["turns"] for one in done["voices"]] == [[0], [1]]
    assert known.app.state.streams.total == 0  # type: ignore[attr-defined]  # a FastAPI


def test_enough_comes_once(client: TestClient) -> None:
    enough = [one for one in answers(client, pcm(ADA)) if one["type"] == "enough"]
    assert [(one["voice"], one["decision"]) for one in enough] == [("unknown_1", "no_speakers")]
    assert enough[0]["reason"] == "Nobody who may be named is enrolled in this gallery."


def test_it_is_closed_as_all_went_well(known: TestClient) -> None:
    with known.websocket_connect(STREAM) as live:
        live.send_json({"type": "config", "encoding": "pcm_s16le", "sample_rate_hz": 16_000, "channels": 1})
        live.send_json({"type": "end"})
        assert [live.receive_json()["type"] for _ in range(2)] == ["ready", "done"]
        with pytest.raises(WebSocketDisconnect) as closed:
            live.receive_json()
        assert closed.value.code == 1000


def test_nothing_is_kept(known: TestClient, engine: Engine) -> None:
    before = galleries.get(engine, "default").version, len(known.get(f"{DEFAULT}/speakers").json()["items"])
    answers(known, pcm(ADA))
    assert (galleries.get(engine, "default").version, len(known.get(f"{DEFAULT}/speakers").json()["items"])) == before


def test_only_candidates_are_named(known: TestClient) -> None:
    *_, done = answers(known, pcm(ADA), {"candidates": [BEN]})
    assert [one["voice"] for one in done["voices"]] == ["unknown_1"]


@pytest.mark.parametrize(
    ("config", "code", "status"),
    [
        ("no json", "invalid_request", 4422),
        ("[]", "invalid_request", 4422),
        ('{"type": "end"}', "invalid_request", 4422),
        ('{"rate": 16000}', "invalid_request", 4422),
        ('{"encoding": "mp3"}', "invalid_request", 4422),
        ('{"sample_rate_hz": "high"}', "invalid_request", 4422),
        ('{"sample_rate_hz": 100}', "unsupported_audio", 4415),
        ('{"channels": 0}', "invalid_request", 4422),
        ('{"channels": 33}', "too_many_channels", 4422),
        ('{"encoding": "opus", "channels": 3}', "unsupported_audio", 4415),
        ('{"candidates": ["Nobody"]}', "speaker_not_found", 4404),
    ],
)
def test_a_wrong_configuration(client: TestClient, config: str, code: str, status: int) -> None:
    with client.websocket_connect(STREAM) as live:
        live.send_text(config)
        problem, closed = refusal(live)
    assert (problem["code"], closed) == (code, status)
    assert problem["status"] == status - 4000
    assert problem["request_id"]


def test_audio_before_the_configuration(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as live:
        live.send_bytes(b"\0\0")
        assert refusal(live)[0]["code"] == "invalid_request"


def test_a_gallery_that_is_not_there(client: TestClient) -> None:
    with client.websocket_connect(f"{HERE}/v1/galleries/nowhere/stream") as live:
        live.send_json({})
        problem, closed = refusal(live)
    assert (problem["code"], closed) == ("gallery_not_found", 4404)


def test_half_a_sample(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as live:
        live.send_json({"channels": 2})
        live.send_bytes(b"\0" * 6)
        problem, closed = refusal(live)
    assert (problem["code"], closed) == ("malformed_audio", 4422)


def test_text_in_the_middle(client: TestClient) -> None:
    for text in ("hello", '{"type": "stop"}', "[" * 100_000):
        with client.websocket_connect(STREAM) as live:
            live.send_json({})
            live.send_text(text)
            assert refusal(live)[0]["code"] == "invalid_request"


def test_a_message_that_is_too_large(client: TestClient) -> None:
    with client.websocket_connect(STREAM) as live:
        live.send_json({})
        live.send_bytes(bytes(256 * 1024 + 2))
        problem, closed = refusal(live)
    assert (problem["code"], closed) == ("message_too_large", 4413)


def test_no_audio_for_long(open_client: ClientMaker) -> None:
    client = open_client(stream_idle_seconds=0.05)
    with client.websocket_connect(STREAM) as live:
        live.send_json({})
        live.send_bytes(bytes(640))
        problem, closed = refusal(live)
    assert (problem["code"], closed) == ("stream_idle", 4408)


def test_longer_than_a_stream_may_be(open_client: ClientMaker) -> None:
    client = open_client(max_stream_seconds=1.0)
    with client.websocket_connect(STREAM) as live:
        live.send_json({})
        say(live, bytes(2 * 17_000))
        problem, closed = refusal(live)
    assert (problem["code"], closed) == ("stream_too_long", 4413)


def test_more_streams_than_allowed(open_client: ClientMaker) -> None:
    client = open_client(max_streams=1)
    with client.websocket_connect(STREAM) as first:
        first.send_json({})
        assert first.receive_json()["type"] == "ready"
        with client.websocket_connect(STREAM) as second:
            second.send_json({})
            problem, closed = refusal(second)
        assert (problem["code"], closed) == ("overloaded", 4429)
        first.send_json({"type": "end"})
        assert first.receive_json()["type"] == "done"
    with client.websocket_connect(STREAM) as third:  # the place is free again
        third.send_json({})
        assert third.receive_json()["type"] == "ready"


def test_a_client_that_goes_away(known: TestClient) -> None:
    """Before the configuration, after it, and in the middle of a turn: the place is free again, no thread stays."""
    app: Any = known.app
    before = threading.active_count()
    for sent in (b"", b"config", pcm(ADA)[:160_000]):
        with known.websocket_connect(STREAM) as live:
            if sent:
                live.send_json({})
            if sent not in (b"", b"config"):
                say(live, sent)
                assert live.receive_json()["type"] == "ready"
        assert app.state.streams.total == 0
    assert threading.active_count() <= before + 2  # the pool keeps an idle one for the next call


def test_a_full_encoder_is_an_error(open_engine: EngineMaker, store_url: str, open_client: ClientMaker) -> None:
    client = open_client(open_engine(store_url, max_queue=0))
    with client.websocket_connect(STREAM) as live:
        live.send_json({})
        say(live, pcm(ADA))
        problem, closed = refusal(live)
    assert (problem["code"], closed) == ("overloaded", 4429)


def test_a_bug_closes_the_stream(open_client: ClientMaker, caplog: pytest.LogCaptureFixture) -> None:
    client = open_client()
    app: Any = client.app
    assert isinstance(app, FastAPI)
    app.state.engine = None
    with client.websocket_connect(STREAM) as live:
        live.send_json({})
        problem, closed = refusal(live)
    assert (problem["code"], closed) == ("internal_error", 1011)
    assert problem["request_id"] in caplog.text
    assert "NoneType" not in json.dumps(problem)


def test_who_is_erased_meanwhile_is_not_named_any_more(known: TestClient) -> None:
    ada = next(one["id"] for one in known.get(f"{DEFAULT}/speakers").json()["items"] if one["name"] == ADA)
    with known.websocket_connect(STREAM) as live:
        live.send_json({})
        say(live, pcm(ADA))
        while not (event := live.receive_json()).get("final"):
            pass
        assert event["speaker"]["id"] == ada
        assert known.delete(f"{DEFAULT}/speakers/{ada}").status_code == 204
        say(live, pcm(ADA))
        live.send_json({"type": "end"})
        *_, last, done = (one for one in events(live) if one["type"] in ("turn", "done"))
    assert last["speaker"] is None
    assert [one["speaker"] for one in done["voices"]] == [None]


def test_nothing_about_a_person_is_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="speakerid")
    new_speaker(client, "Ada Lovelace")
    answers(client, pcm(ADA), {"candidates": ["Ada Lovelace"]})
    with client.websocket_connect(STREAM) as live:
        live.send_json({"candidates": ["Eve Lovelace"]})
        refusal(live)
    assert "Lovelace" not in caplog.text
