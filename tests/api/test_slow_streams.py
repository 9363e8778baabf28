"""Live streams that bring nothing, or next to nothing."""

from __future__ import annotations

import time

import pytest

from speakerid.api.routes.stream import seconds_in
from speakerid.api.schemas import StreamConfig
from tests.api.conftest import ClientMaker, Scoped
from tests.api.streaming import STREAM, refusal


def test_empty_messages_are_no_audio(open_client: ClientMaker) -> None:
    client = open_client(stream_idle_seconds=0.3)
    with client.websocket_connect(STREAM) as live:
        live.send_json({})
        for _ in range(1000):
            live.send_bytes(b"")
        problem, closed = refusal(live)
    assert (problem["code"], closed) == ("stream_idle", 4408)


def test_a_sample_now_and_then_is_not_enough(open_client: ClientMaker) -> None:
    client = open_client(stream_idle_seconds=0.3)
    with client.websocket_connect(STREAM) as live:
        live.send_json({})
        for _ in range(8):
            time.sleep(0.05)
            live.send_bytes(bytes(2))
        problem, closed = refusal(live)
    assert (problem["code"], closed) == ("stream_idle", 4408)


@pytest.mark.parametrize(
    ("config", "size", "seconds"),
    [
        (StreamConfig(), 32_000, 1.0),
        (StreamConfig(sample_rate_hz=8000, channels=2), 32_000, 1.0),
        (StreamConfig(encoding="opus"), 3, 0.12),
        (StreamConfig(encoding="webm"), 750, 1.0),
    ],
)
def test_how_much_audio_a_message_may_hold(config: StreamConfig, size: int, seconds: float) -> None:
    assert seconds_in(size, config) == seconds


def test_a_key_has_half_of_all_streams_and_another_key_finds_room(open_client: ClientMaker, key: Scoped) -> None:
    client = open_client(max_streams=2)
    one, other = key("identify"), key("identify")
    with client.websocket_connect(STREAM, headers=one) as first:
        first.send_json({})
        assert first.receive_json()["type"] == "ready"
        with client.websocket_connect(STREAM, headers=one) as second:
            second.send_json({})
            assert refusal(second)[1] == 4429
        with client.websocket_connect(STREAM, headers=other) as third:
            third.send_json({})
            assert third.receive_json()["type"] == "ready"
