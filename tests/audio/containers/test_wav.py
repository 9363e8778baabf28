"""Where the samples of WAV files lie; only one without anything unusual is read in the service's own process."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.containers import wav as wav_module
from speakerid.audio.containers.formats import LINEAR
from speakerid.audio.containers.wav import SEARCHED_PLACES, WavForm, is_plain_wav, wav_forms
from speakerid.audio.decode import decode, read_announced
from speakerid.audio.file_decoder import decode_here
from speakerid.audio.limits import MAX_RECORDINGS, DecodeLimits, cancelled_by
from speakerid.errors import ClientGone, MalformedAudio, UnsupportedAudio
from tests.audio.bombs import BOMBS, wav_chunks, wav_comments, wav_trailing_chunks
from tests.audio.encode import RECIPES, encode, wav_bytes
from tests.audio.voice import correlation, synthetic_voice
from tests.cases.write import chunk, extensible, ffmpeg, riff, stereo

VOICE = synthetic_voice(0.5, 48_000)
WAV = wav_bytes((VOICE * 32_000).astype(np.int16), 48_000)


@pytest.mark.parametrize("name", RECIPES)
def test_ordinary_wav_files_are_plain_and_nothing_else_is(name: str) -> None:
    assert is_plain_wav(encode(name, VOICE, 16_000)) == name.startswith("wav")


def test_chunks_that_recorders_write_are_plain() -> None:
    note = b"LIST\x04\0\0\0INFO"
    assert is_plain_wav(WAV[:36] + note * 3 + WAV[36:])
    assert is_plain_wav(WAV + note * 3)


@pytest.mark.parametrize("announced", [0, 0xFFFF_FFFF])
def test_a_wav_of_unknown_length_is_plain(announced: int) -> None:
    assert is_plain_wav(WAV[:40] + announced.to_bytes(4, "little") + WAV[44:])


@pytest.mark.parametrize("announced", [0, 0x7FFF_0000, 0xFFFF_FFFF])
def test_a_wav_of_unknown_length_with_another_one_inside_is_not_plain(announced: int) -> None:
    head = WAV[:40] + announced.to_bytes(4, "little")
    assert not is_plain_wav(head + WAV[44:] + WAV)
    assert not is_plain_wav(head + WAV[44:] + WAV[:12] + chunk(b"bext", bytes(602)) + WAV[12:])


def test_a_wav_of_unknown_length_is_not_plain_where_a_search_would_take_long(monkeypatch: pytest.MonkeyPatch) -> None:
    head = WAV[:40] + bytes(4)
    assert not is_plain_wav(head + b"WAVE" * (SEARCHED_PLACES + 2))
    monkeypatch.setattr(wav_module, "SEARCHED_BYTES", len(WAV) - 45)
    assert not is_plain_wav(head + WAV[44:])


@pytest.mark.parametrize(("tag", "plain"), [(1, True), (3, True), (6, True), (7, True), (2, False), (0x55, False)])
def test_an_extensible_format_is_what_its_sub_format_is(tag: int, plain: bool) -> None:
    assert is_plain_wav(riff(extensible(1, 16, 16, tag=tag), chunk(b"data", bytes(64)))) == plain


def test_an_extensible_format_without_a_sub_format_is_not_plain() -> None:
    short = chunk(b"fmt ", extensible(1, 16, 16)[8:32])
    assert not is_plain_wav(riff(short, chunk(b"data", bytes(64))))


@pytest.mark.parametrize("codec", ["libmp3lame", "g722", "adpcm_ms"])
def test_no_codec_runs_where_only_linear_samples_are_decoded(codec: str) -> None:
    """In the service's process, whatever a header says."""
    data = ffmpeg("wav", codec, VOICE[:16_000])
    with pytest.raises(UnsupportedAudio, match="holds"):
        list(decode_here(data, DecodeLimits(), "mix", LINEAR))
    assert len(decode(data)) == pytest.approx(16_000, abs=2_000)


def test_frames_of_a_codec_among_linear_samples_are_decoded_in_another_process() -> None:
    """S/PDIF, as cards record it."""
    voice = synthetic_voice(2.0, 16_000)
    frames = ffmpeg("spdif", "ac3", stereo(voice), hz=48_000)
    data = wav_bytes(np.frombuffer(frames, "<i2"), 48_000, channels=2)
    assert is_plain_wav(data)
    assert correlation(decode(data)[: len(voice)], voice) > 0.9
    assert read_announced(data, limits=DecodeLimits()).channels == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        WAV[:20],
        WAV[:20] + b"\x02\0" + WAV[22:],  # ADPCM
        WAV[:36] + b"id3 \x04\0\0\0abcd" + WAV[36:],
        WAV + b"id3 \x04\0\0\0abcd",
        WAV[:36] + b"junk\0\0\0\0" * 100 + WAV[36:],
        WAV + b"junk\0\0\0\0" * 100,
        WAV + bytes(20_000),
        WAV[:36] + b"junk\x00\x00\x10\0" + bytes(1 << 20) + WAV[36:],
        b"RF64" + WAV[4:],
    ],
)
def test_the_unusual_is_not_plain(data: bytes) -> None:
    assert not is_plain_wav(data)


@pytest.mark.parametrize("make", [wav_chunks, wav_comments, wav_trailing_chunks])
def test_a_bomb_is_not_plain(make: Callable[..., bytes]) -> None:
    assert make in BOMBS.values()
    assert not is_plain_wav(make(100_000))


def only(data: bytes) -> WavForm:
    (form,) = wav_forms(data)
    return form


def seconds(form: WavForm) -> float:
    assert form.linear is not None
    return form.size / form.linear[2]


def test_a_header_tells_channels_rate_and_length() -> None:
    form = only(wav_bytes(np.zeros(16_000, np.int16), 8_000, channels=2))
    assert form.linear == (2, 8_000, 32_000)
    assert form.samples == ((44, 44 + 32_000),)
    assert (seconds(form), form.missing) == (1.0, 0)


@pytest.mark.parametrize("placeholder", [0, 0x7FFF_F000, 0x8000_0000, 0xFFFF_FFFF])
def test_a_placeholder_is_no_length(placeholder: int) -> None:
    form = only(wav_bytes(np.zeros(10, np.int16), 8_000, data_bytes=placeholder))
    assert (form.size, form.missing, form.is_plain) == (20, 0, True)


def test_what_is_announced_and_not_there_is_missing() -> None:
    assert only(wav_bytes(np.zeros(10, np.int16), 8_000, data_bytes=100)).missing == 80


@pytest.mark.parametrize("chunk", [b"LIST\x03\0\0\0abc\0", b"ABCD\x02\0\0\0ab"])
def test_chunks_around_the_samples_are_no_samples(chunk: bytes) -> None:
    data = wav_bytes(np.zeros(800, np.int16), 8_000)
    form = only(data[:36] + chunk + data[36:] + chunk)
    assert (form.size, form.is_plain) == (1_600, True)


@pytest.mark.parametrize(
    "tail", [b"ID3\x03\0\0\0\0\x10\0" + bytes(90), b"TAG" + b"a" * 125, b"APETAGEX" + b"\1" * 40, bytes(99)]
)
def test_tags_and_zeros_behind_the_samples_are_no_samples(tail: bytes) -> None:
    assert only(wav_bytes(np.zeros(800, np.int16), 8_000) + tail).size == 1_600


def test_samples_go_on_where_the_header_ends_too_early() -> None:
    data = wav_bytes(np.arange(800, dtype=np.int16), 8_000, data_bytes=200)
    form = only(data)
    assert (form.size, form.is_plain) == (1_600, False)
    assert found(form.source(data)) == data[44:]


def test_recordings_after_one_another_are_apart() -> None:
    first, second = (wav_bytes(np.full(100, level, np.int16), 8_000) for level in (1, 2))
    forms = wav_forms(first + second)
    assert [found(form.source(first + second)) for form in forms] == [first[44:], second[44:]]


@pytest.mark.parametrize("name", [b"JUNK", b"bext", b"LIST", b"fact"])
def test_a_recording_begins_with_any_known_chunk(name: bytes) -> None:
    first, second = (wav_bytes(np.full(100, level, np.int16), 8_000, data_bytes=0) for level in (1, 2))
    data = first + b"WAVEfmt no header" + second[:12] + chunk(name, bytes(28)) + second[12:]
    assert [form.size for form in wav_forms(data)] == [200 + 17, 200]


def tiny(count: int) -> bytes:
    return wav_bytes(np.ones(1, np.int16), 8_000) * count


def test_a_file_has_so_many_recordings() -> None:
    assert len(wav_forms(tiny(MAX_RECORDINGS))) == MAX_RECORDINGS
    with pytest.raises(MalformedAudio, match="more than 10000 recordings"):
        wav_forms(tiny(MAX_RECORDINGS + 1))


def test_joined_recordings_end_once_nobody_waits() -> None:
    gone = threading.Event()
    with cancelled_by(gone):
        pieces = decode_here(tiny(100), DecodeLimits(), "mix")
        gone.set()
        with pytest.raises(ClientGone):
            list(pieces)
        with pytest.raises(ClientGone):
            wav_forms(tiny(2))


def test_no_format_no_samples() -> None:
    form = only(b"RIFF\0\0\0\0WAVEdata\0\0\0\0")
    assert (form.fmt, form.size, form.linear) == (b"", 0, None)


def found(source: ByteSource) -> bytes:
    """The samples behind the header that is given to FFmpeg."""
    (form,) = wav_forms(source)
    ((start, end),) = form.samples
    return source[start:end]
