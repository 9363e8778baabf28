"""The enrollment coach over HTTP: its answers, its refusals as problem documents, and `?accept=`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from speakerid.audio.decode import as_wav, decode
from tests.api.asking import SPEAKERS, Json, enroll, enrolled, new_speaker, refused
from tests.sampled import ADA, BEN, silence, utterance


def send(client: TestClient, speaker_id: str, audio: bytes, **query: str) -> Any:
    return client.post(f"{SPEAKERS}/{speaker_id}/utterances", content=audio, params=query)


def listed(client: TestClient, speaker_id: str) -> list[Json]:
    found: list[Json] = client.get(f"{SPEAKERS}/{speaker_id}/utterances").json()["items"]
    return found


def test_an_enrollment_answers_like_a_coach(client: TestClient) -> None:
    ada = new_speaker(client, "Ada")
    first, second = (enroll(client, ada, utterance(ADA, number)) for number in range(2))
    assert (first["cohesion"], first["similar_speaker"], first["warnings"]) == (None, None, [])
    assert second["cohesion"]["score"] > 0.9
    assert second["cohesion"]["llr"] > 0.0
    assert set(second["speaker"]) >= {"status", "speech_seconds", "remaining_speech_seconds"}
    assert set(second["utterance"]["speech"]) == {"seconds", "snr_db", "clipping_ratio", "bandwidth_hz"}
    assert (second["utterance"]["voices"], second["utterance"]["accepted"]) == (1, [])


def test_a_wrong_file_is_a_conflict_and_can_be_accepted(client: TestClient) -> None:
    ada = enrolled(client, ADA)
    body = refused(send(client, ada, utterance(BEN)), 409, "does_not_match_speaker")
    assert body["review"]["refusals"] == ["does_not_match_speaker"]
    assert body["review"]["cohesion"]["llr"] < 0.0
    assert body["detail"].endswith("accept=does_not_match_speaker.")
    assert len(listed(client, ada)) == 1
    refused(send(client, ada, utterance(BEN), accept="clipped"), 409, "does_not_match_speaker")
    done = send(client, ada, utterance(BEN), accept="clipped,does_not_match_speaker")
    assert done.status_code == 201
    assert [one["accepted"] for one in listed(client, ada)] == [[], ["does_not_match_speaker"]]
    again = send(client, ada, utterance(BEN))
    assert again.status_code == 200


def test_a_voice_that_is_enrolled_names_its_speaker(client: TestClient) -> None:
    ada, eve = enrolled(client, ADA), new_speaker(client, "Eve")
    body = refused(send(client, eve, utterance(ADA, 1)), 409, "voice_already_enrolled")
    assert body["speaker_id"] == body["review"]["similar_speaker"] == ada
    assert listed(client, eve) == []


def test_bad_audio_is_not_a_conflict(client: TestClient) -> None:
    ada = new_speaker(client, "Ada")
    both = np.concatenate([decode(utterance(ADA)), decode(utterance(BEN))])
    body = refused(send(client, ada, as_wav((both, 16_000))), 422, "more_than_one_voice")
    assert body["review"]["voices"] == 2
    driven = np.clip(decode(utterance(ADA)) * 100, -1.0, 1.0)
    assert "clipped" in refused(send(client, ada, as_wav((driven, 16_000))), 422, "clipped")["review"]["refusals"]
    every = "too_little_speech,clipped,more_than_one_voice"
    refused(send(client, ada, silence(), accept=every), 422, "too_little_speech")
    assert listed(client, ada) == []


@pytest.mark.parametrize("accept", ["nonsense", "clipped,nonsense", "Clipped", "*", "x" * 201, "\0"])
def test_an_unknown_code_to_accept_is_an_error(client: TestClient, accept: str) -> None:
    ada = new_speaker(client, "Ada")
    refused(send(client, ada, utterance(ADA), accept=accept), 422, "invalid_request")
    assert listed(client, ada) == []


@pytest.mark.parametrize("accept", ["", ",", "clipped", " clipped , does_not_match_speaker"])
def test_accepting_what_is_not_there_changes_nothing(client: TestClient, accept: str) -> None:
    done = send(client, new_speaker(client, "Ada"), utterance(ADA), accept=accept)
    assert done.status_code == 201
    assert done.json()["utterance"]["accepted"] == []
