"""Calibrating a gallery over HTTP."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from speakerid import samples
from tests.api.asking import DEFAULT, enrolled, identify, refused
from tests.sampled import probe


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


@pytest.fixture
def filled(client: TestClient) -> TestClient:
    """Seven voices, three utterances each."""
    for voice in samples.voices():
        enrolled(client, voice, utterances=3)
    return client


def test_a_dry_run_reports_and_changes_nothing(filled: TestClient) -> None:
    before = filled.get(DEFAULT).json()
    report = filled.post(f"{DEFAULT}/calibrate?dry_run=true").json()
    assert (report["stored"], report["speakers"], report["targets"], report["nontargets"]) == (False, 7, 21, 126)
    assert [point["target_fpir"] for point in report["fitted"]["points"]] == [0.001, 0.01, 0.05, 0.1]
    assert len(report["histogram"]["edges"]) == len(report["histogram"]["targets"]) + 1
    assert filled.get(DEFAULT).json() == before


def test_calibrate_use_and_go_back(filled: TestClient) -> None:
    voice = next(iter(samples.voices()))
    before = identify(filled, probe(voice))
    report = filled.post(f"{DEFAULT}/calibrate").json()
    assert report["stored"]
    gallery = filled.get(DEFAULT)
    assert gallery.json()["calibration"]["source"] == "gallery"
    after = identify(filled, probe(voice))
    assert (before["calibration"], after["calibration"]) == ("default", "gallery")
    assert after["decision"] == "accept"
    assert after["threshold"] != before["threshold"]
    stale = filled.delete(f"{DEFAULT}/calibration", headers={"If-Match": '"v1"'})
    refused(stale, 412, "precondition_failed")
    gone = filled.delete(f"{DEFAULT}/calibration", headers={"If-Match": gallery.headers["etag"]})
    assert gone.json()["calibration"]["source"] == "default"
    assert gone.headers["etag"] == gone.json()["etag"]
    assert identify(filled, probe(voice)) == before


def test_too_little_is_refused_with_what_is_missing(client: TestClient) -> None:
    enrolled(client, "flite-slt", utterances=2)
    problem = refused(client.post(f"{DEFAULT}/calibrate"), 409, "too_few_trials")
    assert problem["detail"].startswith("Speakers of this gallery with two enrollment utterances or more: 1, ")
    assert "1, 5 are needed" in problem["detail"]


def test_an_unknown_gallery(client: TestClient) -> None:
    refused(client.post("/v1/galleries/nowhere/calibrate"), 404, "gallery_not_found")
    refused(client.delete("/v1/galleries/nowhere/calibration"), 404, "gallery_not_found")
