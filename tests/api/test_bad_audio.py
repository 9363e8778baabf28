"""Bad recordings through the API: each has a code and a sentence, and nothing is half-written."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soundfile
import soxr
from fastapi.testclient import TestClient
from sqlalchemy import MetaData, func, select

from speakerid.audio.decode import decode
from speakerid.db.models import Base
from speakerid.services.engine import Engine
from speakerid.types import FloatArray
from tests.api.asking import DEFAULT, SPEAKERS, identify, new_speaker, refused
from tests.sampled import ADA, probe, silence, utterance

RATE_HZ = 16_000


def wav(frames: FloatArray, rate_hz: int = RATE_HZ, subtype: str = "PCM_16", kind: str = "WAV") -> bytes:
    """`frames`: (n,) or (n, channels)."""
    file = io.BytesIO()
    soundfile.write(file, frames, rate_hz, format=kind, subtype=subtype)
    return file.getvalue()


def spoken(seconds: float) -> FloatArray:
    """(n,) from the middle of a recording, at 16 kHz."""
    return decode(utterance(ADA))[RATE_HZ : RATE_HZ + int(seconds * RATE_HZ)]


def at_rate(rate_hz: int, subtype: str = "PCM_16") -> bytes:
    return wav(soxr.resample(decode(probe(ADA)), RATE_HZ, rate_hz), rate_hz, subtype)


def tone() -> bytes:
    return wav(np.sin(2 * np.pi * 440 * np.arange(5 * RATE_HZ) / RATE_HZ).astype(np.float32) * 0.3)


def not_a_number() -> bytes:
    frames = spoken(3.0).copy()
    frames[1000:1010] = np.nan
    return wav(frames, subtype="FLOAT")


def two_silent_hours() -> bytes:
    """A few hundred kilobytes that decode to 461 MB."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", RATE_HZ, 1, format="FLAC") as sink:
        minute = np.zeros(60 * RATE_HZ, np.int16)
        for _ in range(120):
            sink.write(minute)
    return file.getvalue()


BAD: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "empty body": (lambda: b"", 422, "empty_audio"),
    "text": (lambda: b"To whom it may concern: this is a letter. " * 50, 415, "unsupported_audio"),
    "json": (lambda: b'{"inputs": "UklGRg=="}', 415, "unsupported_audio"),
    "truncated wav": (lambda: wav(spoken(4.0))[:40_000], 422, "truncated_audio"),
    "header only": (lambda: wav(spoken(4.0))[:44], 422, "no_samples"),
    "NaN samples": (not_a_number, 422, "invalid_samples"),
    "1,024 channels": (lambda: wav(np.zeros((100, 1024), np.float32)), 422, "too_many_channels"),
    "two silent hours": (two_silent_hours, 413, "audio_too_long"),
}
TOO_LITTLE: dict[str, Callable[[], bytes]] = {
    "silence": silence,
    "digital silence": lambda: wav(np.zeros(5 * RATE_HZ, np.float32)),
    "pure tone": tone,
    "0.2 s of speech": lambda: wav(spoken(0.2)),
}


@pytest.fixture
def ada(client: TestClient) -> str:
    return new_speaker(client, "Ada")


@pytest.fixture
def nothing_written(engine: Engine, ada: str) -> Iterator[None]:
    """Every table has as many rows after the test as before."""
    before = row_counts(engine, Base.metadata)
    yield
    assert row_counts(engine, Base.metadata) == before


def row_counts(engine: Engine, metadata: MetaData) -> dict[str, int]:
    with engine.read() as db:
        return {
            name: db.scalar(select(func.count()).select_from(table)) or 0 for name, table in metadata.tables.items()
        }


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("what", BAD)
def test_what_is_not_usable_audio_is_refused_everywhere(client: TestClient, ada: str, what: str) -> None:
    make, status, code = BAD[what]
    audio = make()
    for url in (f"{SPEAKERS}/{ada}/utterances", f"{DEFAULT}/identify", "/v1/embeddings"):
        detail = refused(client.post(url, content=audio), status, code)["detail"]
        assert detail.endswith(".")
        assert len(detail) > 30
    form = client.post(f"{DEFAULT}/identify", files={"file": ("probe.wav", audio)})
    refused(form, status, code)


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize("what", TOO_LITTLE)
def test_good_audio_with_too_little_speech(client: TestClient, ada: str, what: str) -> None:
    audio = TOO_LITTLE[what]()
    refused(client.post(f"{SPEAKERS}/{ada}/utterances", content=audio), 422, "too_little_speech")
    answer = identify(client, audio)
    assert (answer["decision"], answer["candidates"]) == ("not_enough_speech", [])
    assert answer["speech"]["seconds"] < 1.0


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 192_000])
def test_any_usual_rate_works(client: TestClient, ada: str, rate_hz: int) -> None:
    answer = client.post(f"{SPEAKERS}/{ada}/utterances", content=at_rate(rate_hz))
    assert answer.status_code == 201, answer.text
    assert answer.json()["utterance"]["speech"]["bandwidth_hz"] <= 8_000
    assert (answer.json()["warnings"] == ["narrow_band"]) is (rate_hz == 8_000)


def test_g711_and_flac_work(client: TestClient, ada: str) -> None:
    telephone = np.asarray(soxr.resample(decode(probe(ADA)), RATE_HZ, 8_000), np.float32)
    files = [wav(telephone, 8_000, "ULAW"), wav(telephone, 8_000, "ALAW"), wav(telephone, 8_000, kind="FLAC")]
    answers = [client.post(f"{SPEAKERS}/{ada}/utterances", content=audio) for audio in files]
    assert [one.status_code for one in answers] == [201, 200, 200]  # one take
    assert [one.json()["already_enrolled"] for one in answers] == [False, True, True]


def test_the_same_bytes_again_are_an_answer_and_not_a_second_utterance(client: TestClient, ada: str) -> None:
    url = f"{SPEAKERS}/{ada}/utterances"
    first, again = client.post(url, content=utterance(ADA)), client.post(url, files={"file": utterance(ADA)})
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["already_enrolled"], again.json()["already_enrolled"]) == (False, True)
    assert again.json()["utterance"] == first.json()["utterance"]
    assert client.get(f"{SPEAKERS}/{ada}").json()["utterances"] == 1


def test_the_same_bytes_for_another_speaker_are_refused(client: TestClient, ada: str) -> None:
    client.post(f"{SPEAKERS}/{ada}/utterances", content=utterance(ADA))
    ben = new_speaker(client, "Ben")
    answer = client.post(f"{SPEAKERS}/{ben}/utterances", content=utterance(ADA))
    assert ada in refused(answer, 409, "utterance_elsewhere")["detail"]
    assert client.get(f"{SPEAKERS}/{ben}").json()["utterances"] == 0


def test_verify_before_anything_is_enrolled(client: TestClient, ada: str) -> None:
    refused(client.post(f"{SPEAKERS}/{ada}/verify", content=probe(ADA)), 409, "no_voiceprint")


def test_a_gallery_decides_how_much_speech_it_wants(client: TestClient, ada: str) -> None:
    client.patch(DEFAULT, json={"min_speech_seconds": 60})
    refused(client.post(f"{SPEAKERS}/{ada}/utterances", content=utterance(ADA)), 422, "too_little_speech")
    assert identify(client, probe(ADA))["decision"] == "not_enough_speech"
