"""The audio of recordings over HTTP: a stretch, a voice, peaks; and why there is none."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from speakerid.audio.decode import decode
from speakerid.services.engine import Engine
from tests.api.asking import DEFAULT, Json, enrolled, refused
from tests.sampled import ADA
from tests.services.recorded import MEETING, work

RATE_HZ = 16_000
WHOLE = decode(MEETING)


@pytest.fixture
def kept(client: TestClient, engine: Engine) -> str:
    """The path of a recording of ADA and BEN that is done and whose audio is kept; only ADA is enrolled."""
    client.patch(DEFAULT, json={"keep_audio": True})
    enrolled(client, ADA, utterances=3)
    made = client.post(f"{DEFAULT}/recordings", content=MEETING).json()["id"]
    work(engine)
    return f"{DEFAULT}/recordings/{made}"


def heard(client: TestClient, path: str, **query: Any) -> np.ndarray:
    answer = client.get(f"{path}/audio", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav"), answer.text
    samples, rate_hz = soundfile.read(io.BytesIO(answer.content), dtype="float32")
    assert rate_hz == RATE_HZ
    return np.asarray(samples)


def test_a_stretch_is_that_stretch(client: TestClient, kept: str) -> None:
    samples = heard(client, kept, start=1.5, end=4.25)
    assert len(samples) == 2.75 * RATE_HZ
    assert np.abs(samples - WHOLE[int(1.5 * RATE_HZ) : int(4.25 * RATE_HZ)]).max() < 2 / 32_768


def test_the_whole_is_there_by_default_and_what_lies_behind_the_end_is_not(client: TestClient, kept: str) -> None:
    assert len(heard(client, kept)) == len(WHOLE)
    assert len(heard(client, kept, start=20, end=4_000)) == len(WHOLE) - 20 * RATE_HZ
    assert len(heard(client, kept, start=3, seconds=2)) == 2 * RATE_HZ
    refused(client.get(f"{kept}/audio", params={"start": 600}), 422, "no_samples")


def test_a_voice_is_its_turns_and_nobody_elses(client: TestClient, kept: str) -> None:
    result: Json = client.get(kept).json()["result"]
    for voice in {turn["voice"] for turn in result["turns"]}:
        turns = [turn for turn in result["turns"] if turn["voice"] == voice]
        expected = [WHOLE[round(turn["start"] * RATE_HZ) : round(turn["end"] * RATE_HZ)] for turn in turns]
        samples = heard(client, kept, voice=voice)
        assert len(samples) == sum(map(len, expected))
        assert np.abs(samples - np.concatenate(expected)).max() < 2 / 32_768


def test_of_a_voice_the_longest_turns_come_first_but_in_their_order(client: TestClient, kept: str) -> None:
    turns = [turn for turn in client.get(kept).json()["result"]["turns"] if turn["voice"] == "unknown_1"]
    longest = max(turns, key=lambda turn: turn["end"] - turn["start"])
    samples = heard(client, kept, voice="unknown_1", seconds=2)
    start = round(longest["start"] * RATE_HZ)
    assert np.abs(samples - WHOLE[start : start + 2 * RATE_HZ]).max() < 2 / 32_768


def test_peaks_are_the_largest_samples_of_equal_parts(client: TestClient, kept: str) -> None:
    found = client.get(f"{kept}/peaks", params={"points": 25}).json()
    assert found["seconds"] == pytest.approx(len(WHOLE) / RATE_HZ, abs=0.001)
    parts = np.array_split(np.abs(WHOLE), 25)
    expected = np.array([part.max() for part in parts])
    assert len(found["peaks"]) == 25
    # A part begins at a multiple of 20 ms, so a few samples may count for its neighbor.
    assert np.mean(np.abs(np.array(found["peaks"]) - expected) < 0.01) > 0.8
    assert max(found["peaks"]) == pytest.approx(expected.max(), abs=0.001)


def test_a_short_recording_has_fewer_peaks_than_were_asked_for(client: TestClient, kept: str) -> None:
    found = client.get(f"{kept}/peaks", params={"points": 10_000}).json()
    assert len(found["peaks"]) == int(np.ceil(len(WHOLE) / 320))


def test_without_kept_audio_there_is_none(client: TestClient, engine: Engine) -> None:
    made = client.post(f"{DEFAULT}/recordings", content=MEETING).json()["id"]
    work(engine)
    for what in ("audio", "peaks"):
        refused(client.get(f"{DEFAULT}/recordings/{made}/{what}"), 404, "recording_audio_not_kept")
        refused(client.get(f"{DEFAULT}/recordings/rec_nothing/{what}"), 404, "recording_not_found")


def test_a_voice_is_known_once_the_recording_is_done(client: TestClient, engine: Engine) -> None:
    made = client.post(f"{DEFAULT}/recordings", content=MEETING).json()["id"]
    path = f"{DEFAULT}/recordings/{made}"
    refused(client.get(f"{path}/audio", params={"voice": "unknown_1"}), 409, "recording_not_ready")
    assert len(heard(client, path, end=1)) == RATE_HZ


@pytest.mark.parametrize(
    "query",
    [
        {"voice": "unknown_9"},
        {"voice": ""},
        {"start": 5, "end": 5},
        {"start": 5, "end": 4},
        {"start": -1},
        {"start": "nan"},
        {"end": "inf"},
        {"seconds": 0},
        {"seconds": 601},
        {"channel": "left"},
        {"channel": "7"},
        {"format": "mp3"},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(client: TestClient, kept: str, query: dict[str, Any]) -> None:
    assert client.get(f"{kept}/audio", params=query).status_code == 422
