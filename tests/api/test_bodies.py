"""How audio arrives: raw or as a form, under any declared type, and never larger than allowed."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message

from speakerid.api.app import create_app
from speakerid.api.bodies import OTHER_BYTES
from speakerid.api.upload import MAX_PARTS
from speakerid.services.engine import Engine
from speakerid.services.validation import METADATA_BYTES
from speakerid.settings import Settings
from tests.api.asking import DEFAULT, SPEAKERS, enrolled, refused
from tests.api.conftest import ClientMaker
from tests.sampled import ADA, probe

IDENTIFY = f"{DEFAULT}/identify"
AUDIO_ROUTES = ("identify", "embeddings", "enroll", "verify")
FORM = {"Content-Type": "multipart/form-data; boundary=cut"}


def audio_route(client: TestClient, name: str) -> str:
    if name in ("enroll", "verify"):
        return f"{SPEAKERS}/{enrolled(client, ADA)}/{'utterances' if name == 'enroll' else 'verify'}"
    return IDENTIFY if name == "identify" else "/v1/embeddings"


@pytest.mark.parametrize("declared", [None, "audio/wav", "audio/mpeg", "text/plain", "application/json", "nonsense"])
def test_the_declared_type_of_a_raw_body_is_not_trusted(client: TestClient, declared: str | None) -> None:
    headers = {} if declared is None else {"Content-Type": declared}
    answer = client.post(IDENTIFY, content=probe(ADA), headers=headers)
    assert (answer.status_code, answer.json()["decision"]) == (200, "no_speakers")


@pytest.mark.parametrize("name", AUDIO_ROUTES)
def test_a_form_gives_what_the_raw_body_gives(client: TestClient, name: str) -> None:
    url = audio_route(client, name)
    first = client.post(url, content=probe(ADA))
    form = client.post(url, files={"file": ("probe.mp3", probe(ADA), "image/png")})
    assert (first.is_success, form.is_success) == (True, True)
    ignored = {"already_enrolled": None}
    assert form.json() | ignored == first.json() | ignored


def test_a_form_may_hold_other_fields(client: TestClient) -> None:
    answer = client.post(IDENTIFY, files={"file": probe(ADA)}, data={"comment": "a caller's own"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"audio": b"x"},  # another name
        {"file": (None, "a text field")},  # no file
    ],
)
def test_a_form_needs_a_file_in_the_part_file(client: TestClient, form: dict[str, bytes]) -> None:
    refused(client.post(IDENTIFY, files=form), 422, "invalid_request")


def test_one_file_at_a_time(client: TestClient) -> None:
    files = [("file", probe(ADA)), ("file", probe(ADA))]
    refused(client.post(IDENTIFY, files=files), 422, "invalid_request")


def test_a_form_has_only_so_many_parts(client: TestClient) -> None:
    part = b'--cut\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'
    file = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + probe(ADA) + b"\r\n--cut--"
    fits = client.post(IDENTIFY, content=part * (MAX_PARTS - 1) + file, headers=FORM)
    assert fits.status_code == 200
    refused(client.post(IDENTIFY, content=part * MAX_PARTS + file, headers=FORM), 422, "invalid_request")


def test_an_empty_part_is_empty_audio(client: TestClient) -> None:
    refused(client.post(IDENTIFY, files={"file": ("a.wav", b"")}), 422, "empty_audio")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"nothing of the kind", "multipart/form-data; boundary=cut"),
        (b"--cut\r\nbroken", "multipart/form-data; boundary=cut"),
        (b"--cut\r\n\r\nno headers\r\n--cut--", "multipart/form-data; boundary=cut"),
        (b"--cut--", "multipart/form-data; boundary=cut"),
        (b"--cut", "multipart/form-data"),
        (b"--cut", "multipart/form-data; boundary="),
        (b"--cut", "Multipart/Form-Data"),
    ],
)
def test_a_broken_form_is_refused(open_client: ClientMaker, body: bytes, content_type: str) -> None:
    answer = open_client().post(IDENTIFY, content=body, headers={"Content-Type": content_type})
    refused(answer, 422, "invalid_request")


@pytest.mark.parametrize("name", AUDIO_ROUTES)
def test_a_body_over_the_limit_is_refused(client: TestClient, open_client: ClientMaker, name: str) -> None:
    url, small = audio_route(client, name), open_client(max_body_bytes=20_000)
    for sent in (
        small.post(url, content=bytes(20_001)),
        small.post(url, content=_chunks(20_001)),
        small.post(url, files={"file": bytes(20_001)}),
    ):
        assert "20000" in refused(sent, 413, "file_too_large")["detail"]
    refused(small.post(url, content=bytes(20_000)), 415, "unsupported_audio")


@pytest.mark.parametrize("length", [b"20001", b"18446744073709551616"])
def test_an_announced_length_over_the_limit_is_refused_before_anything_is_read(engine: Engine, length: bytes) -> None:
    app = create_app(engine, Settings(max_body_bytes=20_000))
    sent = _ask(app, [(b"host", b"127.0.0.1"), (b"content-length", length)], [])
    assert sent[0]["status"] == 413


def test_a_caller_who_hangs_up_is_no_failure_of_the_server(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(engine, Settings())
    part = {"type": "http.request", "body": b"RIFF", "more_body": True}
    sent = _ask(app, [(b"host", b"127.0.0.1")], [part, {"type": "http.disconnect"}])
    assert sent[0]["status"] < 500
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def _ask(app: FastAPI, headers: list[tuple[bytes, bytes]], messages: list[Message]) -> list[Message]:
    """What the service answers to an identify request that comes as `messages`."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": IDENTIFY,
        "raw_path": IDENTIFY.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 50_000),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    anyio.run(app, scope, receive, send)
    return sent


@pytest.mark.parametrize("length", ["-1", "many", "1e9", "²", ""])
def test_a_content_length_that_is_no_number_does_no_harm(open_client: ClientMaker, length: str) -> None:
    headers = [(b"Content-Length", length.encode())]
    answer = open_client().post(IDENTIFY, content=_chunks(10), headers=headers)
    refused(answer, 415, "unsupported_audio")


def test_other_bodies_end_at_a_quarter_of_a_mebibyte(client: TestClient) -> None:
    body = b'{"name": "' + b"x" * OTHER_BYTES + b'"}'
    headers = {"Content-Type": "application/json"}
    refused(client.post(SPEAKERS, content=body, headers=headers), 413, "file_too_large")
    refused(client.post(SPEAKERS, content=iter([body]), headers=headers), 413, "file_too_large")
    refused(client.patch(DEFAULT, content=body, headers=headers), 413, "file_too_large")


def test_the_largest_metadata_fits_however_it_is_spelled(client: TestClient) -> None:
    spelled = b'{"k": "' + b"\\u0061" * (METADATA_BYTES - 10) + b'"}'
    body = b'{"name": "Ada", "metadata": ' + spelled + b', "consent": ' + spelled + b"}"
    answer = client.post(SPEAKERS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201


def _chunks(count: int) -> Iterator[bytes]:
    """Sent without a Content-Length."""
    for start in range(0, count, 1000):
        yield bytes(min(1000, count - start))
