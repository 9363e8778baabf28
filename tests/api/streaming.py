"""A live stream as a client sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from speakerid.audio.decode import decode
from tests.api.asking import DEFAULT
from tests.sampled import probe

HERE = "ws://127.0.0.1"  # the test client has no say in where WebSockets seem to go
STREAM = f"{HERE}{DEFAULT}/stream"
PAUSE = np.zeros(12_000, np.float32)
Json = dict[str, Any]


def pcm(*voices: str) -> bytes:
    """16 kHz, each says a whole recording, with pauses between."""
    parts = [part for voice in voices for part in (decode(probe(voice)), PAUSE)]
    return (np.concatenate([PAUSE, *parts]) * 32_767.0).astype("<i2").tobytes()


def say(live: WebSocketTestSession, audio: bytes, size: int = 6_400) -> None:
    for start in range(0, len(audio), size):
        live.send_bytes(audio[start : start + size])


def events(live: WebSocketTestSession) -> Iterator[Json]:
    """Until the server closes."""
    while True:
        try:
            yield live.receive_json()
        except WebSocketDisconnect:
            return


def answers(client: TestClient, audio: bytes, config: Json | None = None, url: str = STREAM) -> list[Json]:
    with client.websocket_connect(url) as live:
        live.send_json(config or {})
        say(live, audio)
        live.send_json({"type": "end"})
        return list(events(live))


def refusal(live: WebSocketTestSession) -> tuple[Json, int]:
    """The problem document and the close code."""
    while (event := live.receive_json())["type"] != "error":
        assert event["type"] in ("ready", "turn", "enough")
    with pytest.raises(WebSocketDisconnect) as closed:
        live.receive_json()
    return event["problem"], closed.value.code
