"""A gallery as a file over HTTP: whole or refused, and never more than a few at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from speakerid.services.engine import Engine
from speakerid.services.galleries import GallerySettings
from speakerid.services.moving import send_out
from tests.api.asking import DEFAULT, enrolled, identify, refused
from tests.api.conftest import ClientMaker, Scoped
from tests.db.rows import unit
from tests.sampled import ADA, BEN, probe
from tests.services.enrolled import add_gallery, add_speaker, made_up, near
from tests.services.kept import inbox, keep_recording, stranger
from tests.services.reembedding.two_encoders import OTHER, beside, move

IMPORT = "/v1/galleries/import"


@pytest.fixture
def file(client: TestClient) -> bytes:
    """Of Ada and Ben."""
    for voice in (ADA, BEN):
        enrolled(client, voice)
    answer = client.get(f"{DEFAULT}/export")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="default.zip"'
    return answer.content


def test_a_copy_answers_as_the_gallery_does(client: TestClient, file: bytes) -> None:
    made = client.post(IMPORT, params={"name": "copy"}, content=file)
    assert (made.status_code, made.json()["gallery"]["speakers"], made.json()["utterances"]) == (201, 2, 2)
    new_ids = made.json()["new_speaker_ids"]
    before, after = identify(client, probe(ADA)), identify(client, probe(ADA), "copy")
    assert after["speaker"] == before["speaker"] | {"id": new_ids[before["speaker"]["id"]]}
    assert after["candidates"][0]["llr"] == before["candidates"][0]["llr"]


def test_a_form_is_as_good(client: TestClient, file: bytes) -> None:
    sent = {"file": ("default.zip", file, "application/zip")}
    assert client.post(IMPORT, params={"name": "copy"}, files=sent).status_code == 201


def test_what_is_refused(client: TestClient, file: bytes) -> None:
    refused(client.post(IMPORT, content=file), 409, "gallery_taken")
    refused(client.post(IMPORT, params={"name": "No"}, content=file), 422, "invalid_request")
    refused(client.post(IMPORT, params={"name": "copy"}, content=file[:-1]), 422, "gallery_file_damaged")
    refused(client.post(IMPORT, params={"name": "copy"}), 422, "gallery_file_damaged")
    refused(client.get("/v1/galleries/nowhere/export"), 404, "gallery_not_found")
    assert [one["name"] for one in client.get("/v1/galleries").json()["items"]] == ["default"]


def test_a_file_may_not_be_larger_than_a_recording(open_client: ClientMaker, file: bytes) -> None:
    small = open_client(max_recording_bytes=2_000, max_body_bytes=2_000)
    refused(small.post(IMPORT, params={"name": "copy"}, content=file + bytes(100_000)), 413, "file_too_large")


def test_a_bound_key_moves_its_gallery_out_and_none_in(client: TestClient, key: Scoped, file: bytes) -> None:
    bound = key("admin", galleries=("default",))
    assert client.get(f"{DEFAULT}/export", headers=bound).status_code == 200
    refused(client.post(IMPORT, content=file, headers=bound), 403, "scope_missing")


@pytest.mark.usefixtures("file")
def test_two_exports_at_a_time(client: TestClient, app: Any) -> None:
    """Their places are given back, also by one that failed in the middle."""
    for _ in range(4):
        assert client.get(f"{DEFAULT}/export").status_code == 200
    with app.state.exports.place("somebody"), app.state.exports.place("somebody else"):
        refused(client.get(f"{DEFAULT}/export"), 429, "long_work_full")
    assert app.state.exports.total == 0


@pytest.mark.usefixtures("file")
def test_a_failure_in_the_middle_is_noticed_by_the_reader(
    client: TestClient, app: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = send_out.chunks

    def failing(*given: Any, **more: Any) -> Any:
        yield next(chunks(*given, **more))
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(send_out, "chunks", failing)
    with pytest.raises(RuntimeError, match="the disk is gone"):
        client.get(f"{DEFAULT}/export")
    assert app.state.exports.total == 0


@pytest.fixture
def two(engine: Engine) -> Iterator[Engine]:
    """A server that has a second encoder."""
    found = beside(engine)
    yield found
    found.others[0].encoder.close()


def test_a_gallery_moves_to_the_servers_other_encoder(two: Engine, open_client: ClientMaker) -> None:
    client, path = open_client(two), f"{DEFAULT}/reembed"
    client.patch(DEFAULT, json={"keep_audio": True})
    speaker = enrolled(client, ADA)
    assert identify(client, probe(ADA))["encoder"] == two.encoder_label
    begun = client.post(path, params={"encoder": OTHER})
    assert (begun.status_code, begun.headers["location"], begun.json()["utterances"]) == (202, path, 1)
    refused(client.post(path), 409, "reembedding_running")
    move(two)
    assert client.get(path).json()["state"] == "done"
    other = two.others[0].encoder_label
    assert identify(client, probe(ADA))["encoder"] == client.get(DEFAULT).json()["encoder"] == other
    verified = client.post(f"{DEFAULT}/speakers/{speaker}/verify", content=probe(ADA)).json()
    assert (verified["decision"], verified["encoder"]) == ("accept", other)
    added = client.post(f"{DEFAULT}/speakers/{speaker}/utterances", content=probe(ADA, 1)).json()
    assert added["utterance"]["encoder"] == other
    refused(client.post(f"{path}/cancel"), 409, "reembedding_ended")


def test_who_opts_out_of_a_gallery_of_the_other_encoder_is_forgotten_as_an_unknown_voice_as_well(
    two: Engine, open_client: ClientMaker
) -> None:
    client, other = open_client(two), two.others[0]
    add_gallery(other, "team", GallerySettings(keep_unknown_voices=True))
    ada = add_speaker(other, "Ada", made_up(unit(1)), gallery="team")
    keep_recording(other, stranger(near(unit(1), 0.95)), gallery="team")
    assert len(inbox(two, "team")) == 1
    assert client.post(f"/v1/galleries/team/speakers/{ada.id}/opt-out").status_code == 200
    assert inbox(two, "team") == []
    assert two.indexes.loaded() == set()  # of the first encoder


def test_who_may_move_a_gallery_to_another_encoder(client: TestClient, key: Scoped) -> None:
    path, reader = f"{DEFAULT}/reembed", key("read")
    refused(client.get(path, headers=reader), 404, "reembedding_not_found")
    refused(client.post(path), 401, "key_missing")
    refused(client.post(path, headers=reader), 403, "scope_missing")
    refused(client.post(f"{path}/cancel", headers=reader), 403, "scope_missing")
    refused(client.post(path, headers=key("admin")), 409, "same_encoder")
    refused(client.post(path, params={"encoder": "none"}, headers=key("admin")), 422, "encoder_not_served")
    refused(client.post("/v1/galleries/nowhere/reembed", headers=key("admin")), 404, "gallery_not_found")
