"""Multipart forms as clients write them, with the audio in the part `file`."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.asking import DEFAULT, refused
from tests.sampled import ADA, BEN, probe

IDENTIFY, RECORDINGS = f"{DEFAULT}/identify", f"{DEFAULT}/recordings"
TYPE = {"Content-Type": "multipart/form-data; boundary=cut"}
END = b"\r\n--cut--\r\n"


def part(disposition: str, content: bytes, *headers: str) -> bytes:
    lines = "\r\n".join([f"Content-Disposition: form-data; {disposition}", *headers])
    return b"--cut\r\n" + lines.encode() + b"\r\n\r\n" + content


def post(client: TestClient, url: str, *parts: bytes, end: bytes = END) -> Any:
    return client.post(url, content=b"\r\n".join(parts) + end, headers=TYPE)


@pytest.mark.parametrize("url", [IDENTIFY, RECORDINGS])
class TestAForm:
    def test_with_two_files_is_refused_whatever_they_are_called(self, client: TestClient, url: str) -> None:
        for other in ("file", "audio"):
            files = [("file", ("a.opus", probe(ADA))), (other, ("b.opus", probe(BEN)))]
            assert "more than one file" in refused(client.post(url, files=files), 422, "invalid_request")["detail"]

    def test_with_its_file_in_another_part_is_told_which_there_is(self, client: TestClient, url: str) -> None:
        answer = client.post(url, files={"audio": ("a.opus", probe(ADA))})
        assert "there is 'audio'" in refused(answer, 422, "invalid_request")["detail"]

    def test_without_a_boundary_is_told_who_writes_it(self, client: TestClient, url: str) -> None:
        answer = client.post(url, content=probe(ADA), headers={"Content-Type": "multipart/form-data"})
        assert "names no boundary" in refused(answer, 422, "invalid_request")["detail"]

    def test_with_a_boundary_that_is_too_long_is_refused(self, client: TestClient, url: str) -> None:
        headers = {"Content-Type": f"multipart/form-data; boundary={'cut' * 100}"}
        answer = client.post(url, content=part('name="file"; filename="a"', probe(ADA)), headers=headers)
        assert "cannot be read" in refused(answer, 422, "invalid_request")["detail"]

    @pytest.mark.parametrize("charset", ["idna", "undefined"])
    def test_with_a_name_in_a_charset_that_is_none_is_refused(self, client: TestClient, url: str, charset: str) -> None:
        answer = post(client, url, part(f"name=\"file\"; filename*={charset}''%ffa", probe(ADA)))
        assert "cannot be read" in refused(answer, 422, "invalid_request")["detail"]

    def test_that_is_a_raw_body_is_told_both_ways(self, client: TestClient, url: str) -> None:
        answer = client.post(url, content=probe(ADA), headers=TYPE)
        assert "or send the file's bytes alone" in refused(answer, 422, "invalid_request")["detail"]

    def test_with_a_text_where_the_file_should_be_is_told_of_the_at_sign(self, client: TestClient, url: str) -> None:
        answer = client.post(url, files={"file": (None, "./out.wav")})
        assert "with the @" in refused(answer, 422, "invalid_request")["detail"]

    def test_that_ends_too_early_is_refused(self, client: TestClient, url: str) -> None:
        answer = post(client, url, part('name="file"; filename="a.opus"', probe(ADA)), end=b"")
        assert "ends before its last boundary" in refused(answer, 422, "invalid_request")["detail"]

    def test_with_base64_inside_is_refused(self, client: TestClient, url: str) -> None:
        encoded = base64.encodebytes(probe(ADA))
        answer = post(client, url, part('name="file"; filename="a"', encoded, "Content-Transfer-Encoding: base64"))
        assert "'base64'" in refused(answer, 422, "invalid_request")["detail"]

    @pytest.mark.parametrize("encoding", ["binary", "8bit", " Binary"])
    def test_may_say_that_nothing_is_encoded(self, client: TestClient, url: str, encoding: str) -> None:
        header = f"Content-Transfer-Encoding: {encoding}"
        assert post(client, url, part('name="file"; filename="a"', probe(ADA), header)).is_success

    def test_needs_no_file_name_where_the_part_has_a_type(self, client: TestClient, url: str) -> None:
        """Retrofit's @Part RequestBody has none."""
        assert post(client, url, part('name="file"', probe(ADA), "Content-Type: audio/ogg")).is_success

    @pytest.mark.parametrize(
        "filename", ["filename*=UTF-8''Zo%C3%AB.opus", 'filename="Zoë 张伟.opus"', "filename=a.opus", 'filename=""']
    )
    def test_may_name_its_file_in_any_way(self, client: TestClient, url: str, filename: str) -> None:
        assert post(client, url, part(f'name="file"; {filename}', probe(ADA))).is_success

    def test_may_have_fields_that_mean_nothing_here(self, client: TestClient, url: str) -> None:
        file = part('name="file"; filename="a"', probe(ADA))
        assert post(client, url, part('name="model"', b"x"), file).is_success


@pytest.mark.parametrize(("url", "field"), [(IDENTIFY, "top_k"), (RECORDINGS, "speakers"), (RECORDINGS, "name")])
def test_a_parameter_is_not_silently_ignored_in_a_form(client: TestClient, url: str, field: str) -> None:
    file, other = part('name="file"; filename="a"', probe(ADA)), part(f'name="{field}"', b"1")
    for parts in ((file, other), (other, file)):
        assert f"?{field}=" in refused(post(client, url, *parts), 422, "invalid_request")["detail"]


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ('filename="standup.m4a"', "standup"),
        ("filename*=UTF-8''Zo%C3%AB%20%E2%82%AC.m4a", "Zoë €"),
        ('filename="张伟.opus"', "张伟"),
        (r'filename="C:\calls\monday 9.wav"', "monday 9"),
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="a\tb\x7f.wav"', "ab"),
        (f'filename="{"x" * 300}.wav"', "x" * 200),
        ('filename=""', None),
        ('filename="\x01"', None),
        ("filename*=a\0b'c'd", "d"),
        ("filename*=nonsense''%ff", "ÿ"),
        ("filename*0=a; filename*99999999=b", "ab"),
    ],
)
def test_a_recording_is_called_after_its_file(client: TestClient, filename: str, name: str | None) -> None:
    answer = post(client, RECORDINGS, part(f'name="file"; {filename}', probe(ADA)))
    assert (answer.status_code, answer.json()["name"]) == (202, name)
