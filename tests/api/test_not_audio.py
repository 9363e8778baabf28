"""Bodies that are something else than audio: what clients are known to send, and the sentence that helps them."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from fastapi.testclient import TestClient

from speakerid.api.not_audio import FORM_OF_TEXT, HEAD_BYTES, LINE_BREAKS, mistake
from tests.api.asking import DEFAULT, SPEAKERS, refused
from tests.audio.encode import RECIPES, encode
from tests.audio.voice import synthetic_voice
from tests.sampled import ADA, probe

AUDIO_PATHS = (f"{DEFAULT}/identify", f"{DEFAULT}/recordings", "/v1/embeddings")
RAW, URLENCODED = "application/octet-stream", "application/x-www-form-urlencoded"
MULAW = bytes(range(256)) * 16  # any byte may be a sample
BASE64 = base64.b64encode(probe(ADA))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (json.dumps({"audio": BASE64.decode()}).encode(), "base64 in JSON"),
        (b'{"link": "https://example.org/a.wav"}', "The body is JSON"),
        (b"[0.1, -0.2]", "The body is JSON"),
        (BASE64, "base64 text"),
        (base64.encodebytes(probe(ADA)), "base64 text"),
        (b"data:audio/ogg;base64," + BASE64, "data URL"),
        (b"[object Object]", "Pass the object itself"),
        (b"[object FormData]", "Pass the object itself"),
        (b"https://example.org/a.wav", "only recordings are fetched"),
        (b"recordings/a.wav", "a file's name"),
        (b"@/tmp/zo\xc3\xab.mp3\n", "a file's name"),
        (b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n', "Content-Type is not"),
        (b"RIFF\xef\xbf\xbd\xef\xbf\xbd\x01\x00WAVEfmt ", "read as text"),
    ],
)
@pytest.mark.parametrize("path", AUDIO_PATHS)
def test_what_is_no_audio_is_named(client: TestClient, path: str, body: bytes, says: str) -> None:
    answer = client.post(path, content=body, headers={"Content-Type": RAW})
    assert says in refused(answer, 415, "unsupported_audio")["detail"]


@pytest.mark.parametrize("body", [b"file=%52IFF%00", b"file=@x.bin", b"=RIFF"])
def test_an_urlencoded_form_cannot_carry_a_file(client: TestClient, body: bytes) -> None:
    answer = client.post(AUDIO_PATHS[0], content=body, headers={"Content-Type": URLENCODED})
    assert refused(answer, 415, "unsupported_audio")["detail"] == FORM_OF_TEXT


def test_audio_sent_by_curl_without_its_line_breaks_says_so(client: TestClient) -> None:
    voice = encode("wav-s16", synthetic_voice(1.0, 48_000), 16_000)
    damaged = voice.replace(b"\x00", b"").replace(b"\n", b"").replace(b"\r", b"")
    answer = client.post(AUDIO_PATHS[0], content=damaged, headers={"Content-Type": URLENCODED})
    assert refused(answer, 415, "unsupported_audio")["detail"].endswith(LINE_BREAKS)
    answer = client.post(AUDIO_PATHS[0], content=damaged, headers={"Content-Type": RAW})
    assert LINE_BREAKS not in refused(answer, 415, "unsupported_audio")["detail"]


def test_audio_that_came_whole_is_taken_under_the_type_that_curl_declares(client: TestClient) -> None:
    answer = client.post(AUDIO_PATHS[0], content=probe(ADA), headers={"Content-Type": URLENCODED})
    assert answer.status_code == 200


@pytest.mark.parametrize("name", [*RECIPES, "ogg-vorbis"])
@pytest.mark.parametrize("declared", [RAW, URLENCODED, "audio/wav", ""])
def test_no_audio_is_mistaken(name: str, declared: str) -> None:
    recipe = RECIPES.get(name)
    audio = encode(name, synthetic_voice(1.0, 48_000), recipe.rates_hz[0] if recipe else 16_000)
    assert mistake(audio[:HEAD_BYTES], declared) is None


@pytest.mark.parametrize("begin", [b"{", b'{"', b"[1", b"[{", b"{}"])
def test_samples_without_a_header_are_not_called_json(client: TestClient, begin: bytes) -> None:
    answer = client.post(AUDIO_PATHS[0], content=begin + MULAW, headers={"Content-Type": RAW})
    assert "JSON" not in refused(answer, 415, "unsupported_audio")["detail"]


def test_nothing_that_can_be_decoded_is_called_a_mistake(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.api.errors.mistake", lambda head, declared: "a mistake")
    assert client.post(AUDIO_PATHS[0], content=probe(ADA)).status_code == 200


def test_a_mistake_is_found_however_its_bytes_are_cut(client: TestClient) -> None:
    answer = client.post(AUDIO_PATHS[1], content=(bytes([one]) for one in b'{"audio": "UklGRg=="}'))
    assert "The body is JSON" in refused(answer, 415, "unsupported_audio")["detail"]


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "GZIP"])
@pytest.mark.parametrize("path", [*AUDIO_PATHS, SPEAKERS])
def test_a_compressed_body_is_refused_and_not_undone(client: TestClient, path: str, encoding: str) -> None:
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    answer = client.post(path, content=gzip.compress(b'{"name": "Ada"}'), headers=headers)
    assert encoding.lower() in refused(answer, 415, "content_encoding_unsupported")["detail"]
    assert answer.headers["accept-encoding"] == "identity"


def test_a_body_that_says_it_is_not_compressed_is_taken(client: TestClient) -> None:
    answer = client.post(AUDIO_PATHS[0], content=probe(ADA), headers={"Content-Encoding": "identity"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        (URLENCODED, "which is what curl -d says by itself"),
        ("text/plain;charset=UTF-8", "came as text/plain"),
        ("", "without a Content-Type"),
        ("multipart/form-data; boundary=x", "a file or a form"),
        ("audio/wav", "a file or a form"),
    ],
)
def test_json_under_another_type_is_told_which_header_to_send(client: TestClient, declared: str, says: str) -> None:
    answer = client.post(SPEAKERS, content=b'{"name": "Ada"}', headers={"Content-Type": declared} if declared else {})
    detail = refused(answer, 422, "invalid_request")["detail"]
    assert says in detail
    assert "'Content-Type: application/json'" in detail


@pytest.mark.parametrize("declared", ["Application/JSON; Charset=UTF-8", "application/vnd.api+json"])
def test_every_type_of_json_is_json(client: TestClient, declared: str) -> None:
    answer = client.post(SPEAKERS, content=b'{"name": "Ada"}', headers={"Content-Type": declared})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "The body is empty."),
        (b"[]", "no object"),
        (b'"{\\"name\\": \\"Ada\\"}"', "no object"),  # written as JSON twice
        ('{"name": "Zoë"}'.encode("latin-1"), "in UTF-8"),
    ],
)
def test_json_that_is_no_object_is_told_so(client: TestClient, body: bytes, says: str) -> None:
    answer = client.post(SPEAKERS, content=body, headers={"Content-Type": "application/json"})
    assert says in refused(answer, 422, "invalid_request")["detail"]


def test_json_may_begin_with_a_byte_order_mark(client: TestClient) -> None:
    body = b"\xef\xbb\xbf" + b'{"name": "Ada"}'  # as PowerShell and Notepad write files
    answer = client.post(SPEAKERS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
