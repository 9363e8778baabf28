"""Classifiers over HTTP: the list, one, what one says of a recording, and beside identify."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from speakerid.classification.classifier import ClassifierFolder
from speakerid.services.engine import Engine
from tests.api.asking import DEFAULT, enrolled, refused
from tests.api.conftest import ClientMaker, Scoped
from tests.classification.tone_classifier import CARD, HEAD, tones, whistled, write_tones
from tests.classification.toys import TONES_HZ
from tests.engines import EngineMaker
from tests.sampled import ADA, probe

ALL = "/v1/classifiers"
TONES = f"{ALL}/tones"
CLASSIFY = f"{TONES}/classify"
IDENTIFY = f"{DEFAULT}/identify"
NAMES = ["nothing", "..", "%2e%2e", "..%2ftones", "tones%00", "%2Fetc", ".hidden", "t\u00f6nes"]


def test_the_list_and_each_of_it_are_the_cards(client: TestClient) -> None:
    (found,) = client.get(ALL).json()["items"]
    assert found == client.get(TONES).json()
    assert found == {
        "name": "tones",
        "labels": list(TONES_HZ),
        "backbone": "tones",
        "fingerprint": found["fingerprint"],
        "threshold": HEAD.threshold,
        "trained_on": CARD.trained_on,
        "license": CARD.license,
        "window_s": None,
        "spotting_threshold": None,
        "figures": {"accuracy": 100.0},
    }
    assert len(found["fingerprint"]) == 64


def test_a_server_without_classifiers_has_an_empty_list(
    open_engine: EngineMaker, store_url: str, open_client: ClientMaker
) -> None:
    client = open_client(open_engine(store_url))
    assert client.get(ALL).json() == {"items": []}
    refused(client.get(TONES), 404, "classifier_not_found")


@pytest.mark.parametrize("label", TONES_HZ)
def test_a_recording_gets_its_label(client: TestClient, label: str) -> None:
    answer = client.post(CLASSIFY, content=whistled(label)).json()
    assert (answer["classifier"], answer["label"], answer["scores"][0]["label"]) == ("tones", label, label)
    assert sum(one["score"] for one in answer["scores"]) == pytest.approx(1.0)
    assert set(answer) == {"classifier", "label", "threshold", "scores", "seconds", "warnings", "lost_seconds"}


def test_a_form_gives_what_the_raw_body_gives(client: TestClient) -> None:
    form = client.post(CLASSIFY, files={"file": ("a.wav", whistled("low"), "image/png")})
    assert form.json() == client.post(CLASSIFY, content=whistled("low")).json()


def test_top_k_bounds_the_list(client: TestClient) -> None:
    assert len(client.post(CLASSIFY, content=whistled("low"), params={"top_k": 1}).json()["scores"]) == 1
    for bad in ("0", "-1", "1001", "many"):
        refused(client.post(CLASSIFY, content=whistled("low"), params={"top_k": bad}), 422, "invalid_request")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "empty_audio"),
        (b"no audio at all", 415, "unsupported_audio"),
        (whistled("low")[:40], 422, "no_samples"),
        (whistled("low")[:2000], 422, "truncated_audio"),
    ],
)
def test_bad_audio_is_refused(client: TestClient, body: bytes, status: int, code: str) -> None:
    refused(client.post(CLASSIFY, content=body), status, code)


def test_a_channel_that_is_not_there(client: TestClient) -> None:
    refused(client.post(CLASSIFY, content=whistled("low"), params={"channel": "1"}), 422, "no_such_channel")


@pytest.mark.parametrize("name", NAMES)
def test_a_classifier_that_is_not_there(client: TestClient, name: str) -> None:
    for answer in (client.get(f"{ALL}/{name}"), client.post(f"{ALL}/{name}/classify", content=whistled("low"))):
        assert answer.status_code == 404, answer.text
        assert answer.json()["code"] in ("classifier_not_found", "no_such_path")


def test_a_path_is_no_name(engine: Engine, client: TestClient, tmp_path: Path) -> None:
    write_tones(tmp_path, "elsewhere")
    path = str(tmp_path / "elsewhere")
    refused(client.post(IDENTIFY, content=probe(ADA), params={"classifiers": path}), 404, "classifier_not_found")


def test_a_name_that_is_too_long(client: TestClient) -> None:
    refused(client.get(f"{ALL}/{'x' * 65}"), 422, "invalid_request")


def test_a_missing_classifier_is_refused_before_the_body_is_read(open_client: ClientMaker) -> None:
    client = open_client(max_body_bytes=1024)
    refused(client.post(CLASSIFY, content=bytes(1025)), 413, "file_too_large")
    refused(client.post(f"{ALL}/nothing/classify", content=bytes(1025)), 404, "classifier_not_found")
    refused(
        client.post(IDENTIFY, content=bytes(1025), params={"classifiers": "tones,nothing"}), 404, "classifier_not_found"
    )


def test_a_body_is_as_large_as_elsewhere(open_client: ClientMaker) -> None:
    """More than what is not audio may have."""
    answer = open_client().post(CLASSIFY, content=bytes(1024 * 1024))
    refused(answer, 415, "unsupported_audio")


def test_a_damaged_classifier_is_the_servers_failure_and_no_others(
    open_engine: EngineMaker, store_url: str, open_client: ClientMaker, tmp_path: Path
) -> None:
    folder: ClassifierFolder = tones(tmp_path)
    (write_tones(tmp_path, "broken") / "head.npz").write_bytes(b"PK")
    client = open_client(open_engine(store_url, classifiers=folder))
    body = refused(client.post(f"{ALL}/broken/classify", content=whistled("low")), 500, "classifier_unreadable")
    assert str(tmp_path) not in body["detail"]
    assert [one["name"] for one in client.get(ALL).json()["items"]] == ["tones"]


class TestIdentify:
    def test_speaker_and_labels_in_one_answer(self, client: TestClient) -> None:
        enrolled(client, ADA, utterances=2)
        answer = client.post(IDENTIFY, content=probe(ADA), params={"classifiers": "tones"}).json()
        assert (answer["decision"], answer["speaker"]["name"]) == ("accept", ADA)
        assert answer["classes"] == [client.post(CLASSIFY, content=probe(ADA)).json()]

    def test_without_classifiers_the_list_is_empty(self, client: TestClient) -> None:
        assert client.post(IDENTIFY, content=probe(ADA)).json()["classes"] == []

    def test_top_k_bounds_both(self, client: TestClient) -> None:
        answer = client.post(IDENTIFY, content=probe(ADA), params={"classifiers": "tones,tones", "top_k": 2}).json()
        assert [len(one["scores"]) for one in answer["classes"]] == [2]

    @pytest.mark.parametrize("value", ["", ",", " ", "x" * 1001])
    def test_names_that_are_none(self, client: TestClient, value: str) -> None:
        refused(client.post(IDENTIFY, content=probe(ADA), params={"classifiers": value}), 422, "invalid_request")


def test_a_key_of_one_gallery_may_ask_a_classifier(client: TestClient, key: Scoped) -> None:
    bound = key("identify", galleries=("default",))
    assert client.post(CLASSIFY, headers=bound, content=whistled("low")).status_code == 200
