"""A gallery's file on the client's side: whole under its name, or not there."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from speakerid.client import Client, ClientError


def answering(*answers: httpx.Response) -> Client:
    left = list(answers)
    return Client("http://127.0.0.1", transport=httpx.MockTransport(lambda _: left.pop(0)))


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_whole_file_is_not_kept(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ClientError) as caught, answering(httpx.Response(200, content=content)) as client:
        client.export_gallery("default", tmp_path / "x.zip")
    assert caught.value.code == "unexpected_answer"
    assert list(tmp_path.iterdir()) == []


def test_the_servers_refusal_is_raised_and_a_full_one_asked_again(tmp_path: Path) -> None:
    full = httpx.Response(429, headers={"Retry-After": "0"})
    gone = httpx.Response(404, json={"code": "gallery_not_found", "detail": "There is none."})
    with pytest.raises(ClientError) as caught, answering(full, gone) as client:
        client.export_gallery("default", tmp_path / "x.zip")
    assert (caught.value.code, list(tmp_path.iterdir())) == ("gallery_not_found", [])


def test_files_of_this_machine(voices: Client, tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_bytes(b"mine")
    for path, code in (("mine.zip", "gallery_file_exists"), ("no folder/x.zip", "gallery_file_unwritable")):
        with pytest.raises(ClientError) as caught:
            voices.export_gallery("default", tmp_path / path)
        assert caught.value.code == code
    with pytest.raises(ClientError) as caught:
        voices.import_gallery(tmp_path / "nothing.zip")
    assert caught.value.code == "file_missing"
    assert (tmp_path / "mine.zip").read_bytes() == b"mine"
