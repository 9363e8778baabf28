"""What is sent by mistake, or to make a service open something else."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import numpy as np

from tests.cases.case import Case, Cases
from tests.cases.write import jpeg


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("voice.wav", b"RIFF")
    return buffer.getvalue()


def refused(data: bytes, says: str) -> Case:
    return Case(lambda voice: data, code="unsupported_audio", says=says)


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
GIF = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"

CASES: Cases = {
    "text": refused(b"Please recognize this voice. " * 50, "text"),
    "text_umlauts": refused(("Grüße aus Köln " * 200).encode(), "text"),
    "json": refused(json.dumps({"inputs": "UklGRg=="}).encode(), "JSON"),
    "json_base64": refused(json.dumps({"audio": "UklGRg" * 20_000}).encode(), "JSON"),
    "json_cut": refused(b'{"audio": "UklGRg', "text"),
    "html": refused(b"<!doctype html><html><body>502 Bad Gateway</body></html>", "HTML"),
    "png": refused(PNG, "PNG"),
    "jpeg": refused(jpeg(), "JPEG"),
    "gif": refused(GIF, "GIF"),
    "pdf": refused(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(500), "PDF"),
    "zip": refused(zipped(), "ZIP"),
    "gzip": refused(gzip.compress(bytes(500)), "gzip"),
    "playlist": refused(b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/secret\n", "playlist"),
    "concat": refused(b"ffconcat version 1.0\nfile /etc/hostname\n", "text"),
    "sdp": refused(b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n", "text"),
    "subtitles": refused(b"1\n00:00:01,000 --> 00:00:02,000\nhello\n", "text"),
    "midi": refused(b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x04\0\xff\x2f\0" + bytes(99), "known format"),
    "zeros": refused(bytes(5_000), "known format"),
    "random": refused(np.random.default_rng(3).bytes(500_000), "known format"),
    "one_byte": refused(b"\xff", "known format"),
    "program": refused(b"\x7fELF\x02\x01\x01" + bytes(3_000), "known format"),
}
