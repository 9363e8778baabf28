"""The inbox of unknown voices over HTTP."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from speakerid.services.engine import Engine
from tests.api.asking import enroll, new_speaker, refused
from tests.db.rows import unit
from tests.sampled import ADA, BEN, probe, utterance
from tests.services.enrolled import add_speaker, made_up, near, probe_of
from tests.services.kept import KEEPING, keep_recording, stranger

GALLERY = f"/v1/galleries/{KEEPING}"
UNKNOWNS = f"{GALLERY}/unknowns"


@pytest.fixture
def keeping(client: TestClient) -> TestClient:
    made = client.post("/v1/galleries", json={"name": KEEPING, "keep_unknown_voices": True}).json()
    assert (made["keep_unknown_voices"], made["unknown_voices"]) == (True, 0)
    return client


def test_list_by_cursor(engine: Engine, keeping: TestClient) -> None:
    for seed in (1, 2, 3, 1):
        keep_recording(engine, stranger(unit(seed)))
    first = keeping.get(UNKNOWNS, params={"limit": 2}).json()
    rest = keeping.get(UNKNOWNS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["recordings"] for one in (*first["items"], *rest["items"])] == [2, 1, 1]
    assert rest["next_cursor"] is None
    again = keeping.get(UNKNOWNS, params={"min_recordings": 2}).json()["items"]
    assert again == first["items"][:1]
    assert again[0]["speech_seconds"] == 20.0
    assert keeping.get(GALLERY).json()["unknown_voices"] == 3


def test_its_recordings(engine: Engine, keeping: TestClient) -> None:
    recording = keep_recording(engine, stranger(unit(1), "unknown_3"))
    (voice,) = keeping.get(UNKNOWNS).json()["items"]
    answer = keeping.get(f"{UNKNOWNS}/{voice['id']}").json()
    assert answer["unknown"] == voice
    (hearing,) = answer["hearings"]
    assert (hearing["recording"], hearing["voice"]) == (recording, "unknown_3")
    assert hearing["turns"] == [{"start": 0.0, "end": 4.0}, {"start": 6.0, "end": 12.0}]


def test_a_promoted_voice_is_identified(engine: Engine, keeping: TestClient) -> None:
    """Kept from one real recording, known in another."""
    probe_ada = probe_of(engine, utterance(ADA), KEEPING)
    assert probe_ada.embedding is not None
    keep_recording(engine, stranger(probe_ada.embedding, speech=probe_ada.speech))
    (voice,) = keeping.get(UNKNOWNS).json()["items"]
    body = {"name": "Ada", "external_id": "hr-1", "metadata": {"team": "x"}, "consent": {"given": "2026-01-31"}}
    done = keeping.post(f"{UNKNOWNS}/{voice['id']}/promote", json=body).json()
    assert {key: done["speaker"][key] for key in body} == body
    assert keeping.get(UNKNOWNS).json()["items"] == []
    answer = keeping.post(f"{GALLERY}/identify", content=probe(ADA)).json()
    assert answer["speaker"] == {"id": done["speaker"]["id"], "name": "Ada"}
    refused(keeping.post(f"{UNKNOWNS}/{voice['id']}/promote", json=body), 404, "unknown_voice_not_found")


def test_into_a_speaker(engine: Engine, keeping: TestClient) -> None:
    ben = new_speaker(keeping, "Ben", KEEPING)
    enroll(keeping, ben, utterance(BEN), KEEPING)
    keep_recording(engine, stranger(unit(1)))
    path = f"{UNKNOWNS}/{keeping.get(UNKNOWNS).json()['items'][0]['id']}/promote"
    problem = refused(keeping.post(path, json={"speaker_id": ben}), 409, "does_not_match_speaker")
    assert problem["review"]["refusals"] == ["does_not_match_speaker"]
    done = keeping.post(path, json={"speaker_id": ben, "accept": "does_not_match_speaker"}).json()
    assert (done["speaker"]["id"], done["speaker"]["utterances"]) == (ben, 2)


def test_a_voice_that_is_enrolled_already(engine: Engine, keeping: TestClient) -> None:
    ada = add_speaker(engine, "Ada", made_up(unit(1)), gallery=KEEPING)
    keep_recording(engine, stranger(near(unit(1), 0.99)))
    path = f"{UNKNOWNS}/{keeping.get(UNKNOWNS).json()['items'][0]['id']}/promote"
    assert refused(keeping.post(path, json={"name": "A."}), 409, "voice_already_enrolled")["speaker_id"] == ada.id
    accepted = keeping.post(path, json={"name": "A.", "accept": "voice_already_enrolled"})
    assert (accepted.status_code, accepted.json()["similar_speaker"]) == (200, ada.id)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"external_id": "hr-1"},
        {"name": "Ada", "speaker_id": "spk_1"},
        {"name": "Ada", "accept": "nothing"},
        {"n": 1},
    ],
)
def test_a_body_that_says_too_little_or_too_much(engine: Engine, keeping: TestClient, body: dict[str, object]) -> None:
    keep_recording(engine, stranger(unit(1)))
    path = f"{UNKNOWNS}/{keeping.get(UNKNOWNS).json()['items'][0]['id']}/promote"
    refused(keeping.post(path, json=body), 422, "invalid_request")
    assert len(keeping.get(UNKNOWNS).json()["items"]) == 1


def test_dismiss(engine: Engine, keeping: TestClient) -> None:
    keep_recording(engine, stranger(unit(1)))
    path = f"{UNKNOWNS}/{keeping.get(UNKNOWNS).json()['items'][0]['id']}"
    assert keeping.delete(path).status_code == 204
    refused(keeping.get(path), 404, "unknown_voice_not_found")
    refused(keeping.delete(path), 404, "unknown_voice_not_found")


def test_switching_it_off_forgets(engine: Engine, keeping: TestClient) -> None:
    keep_recording(engine, stranger(unit(1)))
    changed = keeping.patch(GALLERY, json={"keep_unknown_voices": False}).json()
    assert (changed["keep_unknown_voices"], changed["unknown_voices"]) == (False, 0)
    assert keeping.get(UNKNOWNS).json()["items"] == []
