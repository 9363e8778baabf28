"""Each bad input has its own error; none of them reaches a caller as anything else."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from speakerid.audio.decode import decode
from speakerid.errors import AudioError
from speakerid.types import FloatArray
from tests.audio.encode import WAV_HEADER_BYTES, encode, wav_bytes

FORMATS = ("wav-s16", "flac", "mp3", "ogg-opus", "ogg-vorbis", "webm-opus", "m4a-aac")


def refusal(data: bytes) -> AudioError:
    with pytest.raises(AudioError) as caught:
        decode(data)
    assert str(caught.value).endswith(".")
    return caught.value


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("voice.wav", b"RIFF")
    return buffer.getvalue()


NOT_AUDIO = {
    "text": (b"Please recognize this voice. " * 50, "text"),
    "umlauts": ("Grüße aus Köln " * 200).encode(),
    "json": (json.dumps({"inputs": "UklGRg=="}).encode(), "JSON"),
    "html": (b"<!doctype html><html><body>502 Bad Gateway</body></html>", "HTML"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(500), "PNG"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(500), "JPEG"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(500), "PDF"),
    "zip": (zip_bytes(), "ZIP"),
    "playlist": (b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/secret\n", "playlist"),
    "concat": (b"ffconcat version 1.0\nfile /etc/hostname\n", "text"),
    "sdp": (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n", "text"),
    "heic": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00" + bytes(500), "HEIF"),
    "zeros": (bytes(5000), "00 00 00 00"),
    "random": (np.random.default_rng(3).bytes(500_000), "known format"),
    "one byte": (b"\xff", "known format"),
}


@pytest.mark.parametrize("name", NOT_AUDIO)
def test_what_is_not_audio_is_named(name: str) -> None:
    case = NOT_AUDIO[name]
    data, named = case if isinstance(case, tuple) else (case, "text")
    error = refusal(data)
    assert error.code == "unsupported_audio"
    assert named in str(error)


def test_no_bytes() -> None:
    assert refusal(b"").code == "empty_audio"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_a_cut_file_is_truncated(voice: FloatArray, name: str, share: float) -> None:
    data = encode(name, voice, 16_000)
    assert refusal(data[: int(len(data) * share)]).code == "truncated_audio"


def test_a_wav_announced_longer_than_it_is(voice: FloatArray) -> None:
    error = refusal(wav_bytes(voice, 48_000, data_bytes=2 * voice.nbytes))
    assert error.code == "truncated_audio"
    assert "4.00 s" in str(error)
    assert "2.00 s" in str(error)


def header_only(name: str, voice: FloatArray) -> bytes:
    data = encode(name, voice, 16_000)
    ends = {
        "flac": lambda: 4 + 4 + 34,  # STREAMINFO announced as the last metadata block
        "webm-opus": lambda: data.rindex(b"\x1f\x43\xb6\x75"),  # the first is in the table of contents
        "ogg-opus": lambda: data.index(b"OggS", data.index(b"OpusTags")),
        "m4a-aac": lambda: data.index(b"mdat") - 4,
        "mp3": lambda: 10 + int.from_bytes(data[8:10], "big"),
    }
    head = data[: ends[name]()]
    return head[:4] + b"\x80" + head[5:] if name == "flac" else head


@pytest.mark.parametrize("name", ["flac", "webm-opus", "ogg-opus", "m4a-aac", "mp3"])
def test_a_header_alone_has_no_samples(voice: FloatArray, name: str) -> None:
    assert refusal(header_only(name, voice)).code == "no_samples"


@pytest.mark.parametrize("announced", [0, 1000, 0xFFFF_FFFF])
def test_a_wav_header_alone_has_no_samples(announced: int) -> None:
    data = wav_bytes(np.zeros(0, np.int16), 16_000, data_bytes=announced)
    assert len(data) == WAV_HEADER_BYTES
    assert refusal(data).code == "no_samples"
    assert refusal(data[:36]).code == "no_samples"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_samples_that_are_not_numbers(voice: FloatArray, value: float, kind: type) -> None:
    samples: NDArray[Any] = voice.astype(kind)
    samples[40_000] = value
    assert refusal(wav_bytes(samples, 48_000)).code == "invalid_samples"


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "wav-s16"])
def test_damage_in_the_header_is_refused(voice: FloatArray, name: str) -> None:
    data = bytearray(encode(name, voice, 16_000))
    data[12 : len(data) - 8 : 3] = bytes(len(range(12, len(data) - 8, 3)))
    error = refusal(bytes(data))
    assert error.code in ("malformed_audio", "truncated_audio", "unsupported_audio", "no_samples", "audio_too_long")


def test_another_codec_in_a_known_container_is_named(voice: FloatArray) -> None:
    data = bytearray(wav_bytes((voice * 32_767).astype(np.int16), 48_000))
    data[20:22] = (0x270).to_bytes(2, "little")  # ATRAC3
    error = refusal(bytes(data))
    assert error.code == "unsupported_audio"
    assert "atrac3" in str(error)


@pytest.mark.parametrize(
    ("head", "named"), [(b"RIFF\x00\x10\x00\x00AVI LIST", "AVI"), (b"FORM\x00\x00\x10\x00AIFFCOMM", "AIFF")]
)
def test_a_known_container_that_cannot_be_opened_is_named(head: bytes, named: str) -> None:
    error = refusal(head + bytes(500))
    assert error.code == "malformed_audio"
    assert named in str(error)


@pytest.mark.parametrize("rate_hz", [0, 1, 3_999, 1_000_000, 0xFFFF_FFFF])
def test_an_absurd_rate_is_refused(rate_hz: int) -> None:
    data = bytearray(wav_bytes(np.zeros(1000, np.int16), 16_000))
    data[24:28] = rate_hz.to_bytes(4, "little")
    assert refusal(bytes(data)).code == "unsupported_audio"
