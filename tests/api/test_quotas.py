"""A key with seconds of audio a day: all routes that decode count, more is refused, and the next day begins anew."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient

from speakerid.audio.decode import Preparer
from speakerid.audio.file_decoder import Announced
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import build_worker
from speakerid.db.asked import AudioQuota
from speakerid.errors import KeyQuotaReached, Overloaded
from speakerid.services import keys, quota, serializers
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from speakerid.types import Key
from tests.api.streaming import answers
from tests.audio.encode import soundfile_bytes
from tests.engines import EngineMaker
from tests.sampled import ADA, probe, utterance

GALLERY = "/v1/galleries/default"
MATROSKA_DURATION = b"\x44\x89\x88"  # an element of 8 bytes
NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """What time it is."""
    clock = [NOON]
    for module in (quota, serializers):
        monkeypatch.setattr(module, "now", lambda: clock[0])
    return clock


def noise(seconds: float, kind: str = "WAV") -> bytes:
    samples = np.random.default_rng(1).standard_normal(round(16_000 * seconds)).astype(np.float32)
    return soundfile_bytes(0.01 * samples, 16_000, kind)


def matroska(seconds: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000, layout="mono")
        samples = np.random.default_rng(1).integers(-300, 300, (1, 16_000 * seconds)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, layout="mono")
        frame.sample_rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()


@pytest.fixture
def key(engine: Engine, client: TestClient) -> Key:
    """That may send a minute of audio a day; `client` has it."""
    with engine.write() as db:
        made = keys.create(db, "front-end", ("admin",), audio_seconds_per_day=60)
    client.headers["Authorization"] = f"Bearer {made.secret}"
    return made.key


def today(client: TestClient) -> float:
    (listed,) = client.get("/v1/keys").json()["items"]
    return float(listed["audio_seconds_today"])


def identify(client: TestClient, audio: bytes) -> Any:
    return client.post(f"{GALLERY}/identify", content=audio)


def test_what_does_not_fit_is_refused_until_midnight(client: TestClient, key: Key, noon: list[datetime]) -> None:
    assert identify(client, noise(40)).status_code == 200
    refused = identify(client, noise(25))
    assert (refused.status_code, refused.json()["code"]) == (429, "key_quota_reached")
    assert abs(int(refused.headers["Retry-After"]) - 12 * 3600) <= 1
    assert today(client) == 40.0
    assert identify(client, noise(20)).status_code == 200  # which still fits
    assert client.get(f"{GALLERY}/speakers").status_code == 200  # no audio
    noon[0] += timedelta(hours=12)
    assert today(client) == 0.0
    assert identify(client, noise(25)).status_code == 200


def test_waiting_does_not_help_for_more_than_a_day_s_worth(client: TestClient, key: Key) -> None:
    refused = identify(client, noise(61))
    assert (refused.status_code, refused.json()["code"]) == (403, "audio_beyond_quota")
    assert "Retry-After" not in refused.headers


def test_a_length_that_is_not_announced_counts_afterwards(client: TestClient, key: Key) -> None:
    assert identify(client, noise(30) + noise(31)).status_code == 200  # two files one after the other
    assert today(client) == 61.0
    refused = identify(client, noise(1)).json()
    assert (refused["code"], "61 s were sent" in refused["error"]) == ("key_quota_reached", True)


def test_what_was_decoded_counts_although_embedding_it_fails(
    client: TestClient, key: Key, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(waveforms: object, *, background: bool) -> object:
        raise Overloaded

    monkeypatch.setattr(engine.encoder, "embed", full)
    assert client.post(f"{GALLERY}/identify", content=probe(ADA)).json()["code"] == "overloaded"
    assert today(client) > 1.0


def test_what_is_beyond_the_quota_is_not_embedded(
    client: TestClient, key: Key, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, unknown = AudioQuota(key.id, 60), Announced(1, None)

    def embedded(waveforms: object) -> object:
        raise AssertionError

    monkeypatch.setattr(engine.encoder, "embed", embedded)

    class Beside(Preparer):
        """While it decodes, another file takes what is left."""

        def decode(self, audio: Any, **options: Any) -> Any:
            with quota.spending(engine.database, limit, lambda: unknown) as spent:
                spent.append(60.0)
            return super().decode(audio, **options)

    client.app.state.engine = replace(engine, preparer=Beside(SileroVad()))  # type: ignore[attr-defined]  # a FastAPI
    refused = identify(client, probe(ADA) + probe(ADA))
    assert (refused.status_code, refused.json()["code"]) == (429, "key_quota_reached")


def test_what_cannot_be_decoded_is_given_back(client: TestClient, key: Key) -> None:
    assert client.post(f"{GALLERY}/identify?channel=3", content=noise(30)).json()["code"] == "no_such_channel"
    assert identify(client, b"no audio").status_code == 415
    assert today(client) == 0.0


@pytest.mark.parametrize(
    "send",
    [
        lambda client, speaker: client.post(f"{speaker}/utterances", content=utterance(ADA, 0)),
        lambda client, speaker: client.post(f"{speaker}/verify", content=probe(ADA)),
        lambda client, _: client.post("/v1/embeddings", content=probe(ADA)),
        lambda client, _: client.post("/hf/default", content=probe(ADA)),
        lambda client, _: client.post(
            "/v1/audio/transcriptions",
            files={"file": probe(ADA)},
            data={"model": "default", "response_format": "diarized_json"},
        ),
        lambda client, _: client.post(f"{GALLERY}/recordings", content=noise(5, "FLAC")),
    ],
    ids=["enroll", "verify", "embeddings", "hugging face", "transcriptions", "recordings"],
)
def test_every_route_that_decodes_counts(client: TestClient, key: Key, send: Callable[[TestClient, str], Any]) -> None:
    speaker = f"{GALLERY}/speakers/{client.post(f'{GALLERY}/speakers', json={'name': 'Ada'}).json()['id']}"
    client.post(f"{speaker}/utterances", content=utterance(ADA, 1)).raise_for_status()
    before = today(client)
    assert send(client, speaker).status_code in (200, 201, 202)
    assert today(client) > before + 1.0
    identify(client, noise(60.0 - today(client) - 0.01)).raise_for_status()
    assert send(client, speaker).status_code == 429


def test_processes_on_one_store_count_together(
    client: TestClient, key: Key, engine: Engine, open_engine: EngineMaker, store_url: str
) -> None:
    client.app.state.engine = open_engine(store_url)  # type: ignore[attr-defined]  # a FastAPI
    assert identify(client, noise(40)).status_code == 200
    client.app.state.engine = engine  # type: ignore[attr-defined]  # a FastAPI
    assert identify(client, noise(40)).status_code == 429


def test_a_recording_of_unknown_length_counts_when_it_is_done(client: TestClient, key: Key, engine: Engine) -> None:
    sent = client.post(f"{GALLERY}/recordings", content=noise(2) + noise(3))
    assert (sent.status_code, today(client)) == (202, 0.0)
    worker = build_worker(engine, Settings(), 1)
    while worker._work("wrk_test"):
        pass
    assert abs(today(client) - 5.0) < 0.1


def test_a_recording_of_unknown_length_ends_where_nothing_is_left(client: TestClient, key: Key, engine: Engine) -> None:
    sent = client.post(f"{GALLERY}/recordings", content=noise(2) + noise(3))
    identify(client, noise(60)).raise_for_status()
    worker = build_worker(engine, Settings(), 1)
    assert worker._work("wrk_test")
    ended = client.get(sent.headers["Location"]).json()
    assert (ended["state"], ended["error"]["code"], today(client)) == ("failed", "key_quota_reached", 60.0)


def test_a_recording_that_announces_less_than_nothing_gives_nothing_back(client: TestClient, key: Key) -> None:
    identify(client, noise(50)).raise_for_status()
    lying = matroska(seconds=5)
    at = lying.index(MATROSKA_DURATION) + len(MATROSKA_DURATION)
    lying = lying[:at] + struct.pack(">d", -1e6) + lying[at + 8 :]
    assert client.post(f"{GALLERY}/recordings", content=lying).status_code == 202
    assert today(client) == 50.0


def test_of_files_sent_at_once_that_announce_nothing_one_may_go_beyond(engine: Engine, key: Key) -> None:
    limit, unknown = AudioQuota(key.id, 60), Announced(1, None)
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(quota.spending(engine.database, limit, lambda: unknown)).append(70.0)
        second.enter_context(quota.spending(engine.database, limit, lambda: unknown)).append(70.0)
        first.close()
        with pytest.raises(KeyQuotaReached):
            second.close()


def test_what_is_a_little_longer_than_it_said_is_answered(engine: Engine, key: Key) -> None:
    with quota.spending(engine.database, AudioQuota(key.id, 60), lambda: Announced(1, 60.0)) as spent:
        spent.append(60.1)


def test_a_stream_counts_as_it_goes_and_ends(client: TestClient, key: Key) -> None:
    answers(client, bytes(2 * 16_000 * 12))
    assert abs(today(client) - 12.0) < 0.2
    identify(client, noise(45))
    problem = answers(client, bytes(2 * 16_000))[-1]["problem"]
    assert (problem["status"], problem["code"]) == (429, "key_quota_reached")


def test_a_key_without_a_quota_counts_nothing(client: TestClient, engine: Engine) -> None:
    with engine.write() as db:
        secret = keys.create(db, "free", ("admin",)).secret
    client.headers["Authorization"] = f"Bearer {secret}"
    identify(client, noise(2)).raise_for_status()
    assert today(client) == 0.0
