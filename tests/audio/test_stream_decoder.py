"""Audio that comes message by message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
import soxr

from speakerid.audio import stream_decoder
from speakerid.audio.decode import decode
from speakerid.audio.stream_decoder import BAD_PACKETS, Encoding, StreamFormat, decoded
from speakerid.errors import MalformedAudio, StreamIdle, StreamTooLong, UnsupportedAudio
from speakerid.types import FloatArray
from tests.audio.encode import OPUS_HZ, cut, encode, opus_packets
from tests.audio.voice import correlation, from_samples, synthetic_voice

VOICE = synthetic_voice(2.0, OPUS_HZ)


def whole(messages: Iterable[bytes], how: StreamFormat, max_seconds: float = 60.0) -> FloatArray:
    return np.concatenate([*decoded(messages, how, max_seconds), np.zeros(0, np.float32)])


def pcm(rate_hz: int, channels: int = 1) -> bytes:
    samples = (soxr.resample(VOICE, OPUS_HZ, rate_hz) * 32_767.0).astype("<i2")
    return np.repeat(samples, channels).tobytes()


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 44_100, 48_000, 96_000])
def test_samples_of_any_rate_are_those_of_a_file(rate_hz: int) -> None:
    sent = pcm(rate_hz)
    found = whole(cut(sent, 640), StreamFormat(sample_rate_hz=rate_hz))
    assert np.array_equal(found, from_samples(np.frombuffer(sent, "<i2"), rate_hz))


@pytest.mark.parametrize("size", [2, 62, 640, 100_000_000])
def test_how_messages_are_cut_makes_no_difference(size: int) -> None:
    sent = pcm(44_100)[:40_000]
    assert np.array_equal(
        whole(cut(sent, size), StreamFormat(sample_rate_hz=44_100)), whole([sent], StreamFormat(sample_rate_hz=44_100))
    )


def test_channels_are_mixed() -> None:
    assert np.array_equal(
        whole([pcm(16_000, channels=2)], StreamFormat(channels=2)), whole([pcm(16_000)], StreamFormat())
    )


@pytest.mark.parametrize(("size", "channels"), [(1, 1), (3, 1), (2, 2), (6, 2)])
def test_half_a_sample(size: int, channels: int) -> None:
    with pytest.raises(MalformedAudio, match=f"{size} bytes"):
        whole([bytes(size)], StreamFormat(channels=channels))


@pytest.mark.parametrize("channels", [1, 2])
def test_opus_packets(channels: int) -> None:
    found = whole(opus_packets(VOICE, channels), StreamFormat("opus", channels=channels))
    assert len(found) == pytest.approx(len(VOICE) / 3, abs=2_000)
    assert correlation(found, np.asarray(soxr.resample(VOICE, OPUS_HZ, 16_000), np.float32)) > 0.95


def test_a_few_bad_or_empty_packets_are_left_out() -> None:
    packets = opus_packets(VOICE)
    good = len(whole(packets, StreamFormat("opus")))
    packets[40:40] = [b"", b"\xff\xff\xff", b""]
    assert len(whole(packets, StreamFormat("opus"))) == good


def test_messages_that_are_no_opus() -> None:
    with pytest.raises(MalformedAudio):
        whole([b"\xff\xff\xff"] * BAD_PACKETS, StreamFormat("opus"))
    assert len(whole([b"\xff\xff\xff"] * (BAD_PACKETS - 1), StreamFormat("opus"))) == 0


@pytest.mark.parametrize(("encoding", "name"), [("webm", "webm-opus"), ("ogg", "ogg-opus")])
@pytest.mark.parametrize("size", [1, 97, 100_000_000])
def test_a_file_as_it_grows(encoding: Encoding, name: str, size: int) -> None:
    file = encode(name, VOICE, OPUS_HZ)
    found, expected = whole(cut(file, size), StreamFormat(encoding)), decode(file)
    assert len(found) == pytest.approx(len(expected), abs=1_000)
    assert correlation(found, expected) > 0.999


def test_a_growing_file_is_decoded_before_its_end() -> None:
    taken = 0

    def messages() -> Iterator[bytes]:
        nonlocal taken
        for message in cut(file, 50):
            taken += len(message)
            yield message

    file = encode("webm-opus", VOICE, OPUS_HZ)
    samples = 0
    for piece in decoded(messages(), StreamFormat("webm"), 60.0):
        samples += len(piece)
        if samples > 16_000:
            break
    assert taken < 0.75 * len(file)


def test_what_goes_wrong_with_the_messages_passes_through_the_decoder() -> None:
    def messages() -> Iterator[bytes]:
        yield encode("webm-opus", VOICE, OPUS_HZ)[:5_000]
        raise StreamIdle(1.0)

    with pytest.raises(StreamIdle):
        whole(messages(), StreamFormat("webm"))


def test_another_file_than_announced() -> None:
    with pytest.raises(MalformedAudio, match="The bytes are FLAC, which live streams do not read"):
        whole([encode("flac", VOICE, 16_000)], StreamFormat("webm"))


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_fragments_of_safari_are_named(size: int) -> None:
    with pytest.raises(MalformedAudio, match="Safari"):
        whole(cut(encode("m4a-fragments", VOICE, 44_100), size), StreamFormat("webm"))


def test_a_later_chunk_of_a_recorder_is_named() -> None:
    file = encode("webm-opus", VOICE, OPUS_HZ)
    later = file[file.rindex(b"\x1f\x43\xb6\x75") :]
    with pytest.raises(MalformedAudio, match="first chunk"):
        whole([later], StreamFormat("webm"))


def test_a_file_without_audio_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_decoder, "MAX_UNDECODED_BYTES", 20_000)
    void = b"\xec\x01" + (10_000_000).to_bytes(7, "big")  # EBML: an element to be skipped, RFC 8794
    file = encode("webm-opus", VOICE, OPUS_HZ)[:3_000] + void

    def messages() -> Iterator[bytes]:
        yield file
        while True:
            yield bytes(1_000)

    with pytest.raises(MalformedAudio):
        whole(messages(), StreamFormat("webm"))


def test_longer_than_allowed() -> None:
    with pytest.raises(StreamTooLong):
        whole(cut(pcm(16_000), 640), StreamFormat(), max_seconds=1.0)
    assert len(whole([pcm(16_000)], StreamFormat(), max_seconds=2.0)) == 32_000


@pytest.mark.parametrize("how", [StreamFormat(sample_rate_hz=100), StreamFormat("opus", channels=3)], ids=str)
def test_what_cannot_be_read_is_refused_before_it_comes(how: StreamFormat) -> None:
    with pytest.raises(UnsupportedAudio):
        how.check()


WEBM, MP4 = encode("webm-opus", VOICE, OPUS_HZ), encode("m4a-fragments", VOICE, 44_100)


@pytest.mark.parametrize(
    ("encoding", "audio", "says"),
    [
        ("webm", WEBM[WEBM.index(b"\x1f\x43\xb6\x75") :], "every chunk from the first on"),  # of a MediaRecorder
        ("webm", WEBM[5:], "every chunk from the first on"),
        ("ogg", encode("ogg-opus", VOICE, OPUS_HZ)[1:], "does not begin as Ogg does"),
        ("webm", MP4, "Safari"),
        ("pcm_s16le", MP4, "Safari"),
        ("webm", MP4[MP4.index(b"moof") - 4 :], "Safari"),
        ("webm", encode("ogg-opus", VOICE, OPUS_HZ), '"encoding": "ogg"'),  # Firefox
        ("ogg", WEBM, '"encoding": "webm"'),
        ("pcm_s16le", WEBM, '"encoding": "webm"'),
        ("opus", WEBM, '"encoding": "webm"'),
        ("pcm_s16le", encode("wav-s16", VOICE, 16_000), "without the header"),
    ],
)
@pytest.mark.parametrize("size", [2, 6, 4096])
def test_what_was_declared_otherwise_is_named(encoding: Encoding, audio: bytes, says: str, size: int) -> None:
    with pytest.raises(MalformedAudio, match=says):
        whole(cut(audio, size), StreamFormat(encoding))


@pytest.mark.parametrize("encoding", ["pcm_s16le", "opus"])
def test_no_message_waits_for_another(encoding: Encoding) -> None:
    messages = [bytes(640)] * 10 if encoding == "pcm_s16le" else opus_packets(VOICE)[:10]

    def without_an_end() -> Iterator[bytes]:
        yield from messages
        raise StreamIdle(1.0)

    found = decoded(without_an_end(), StreamFormat(encoding), 60.0)
    samples = sum(len(next(found)) for _ in messages)
    assert samples == pytest.approx(
        10 * 320, abs=0 if encoding == "pcm_s16le" else 500
    )  # the delay of the codec and of resampling
    with pytest.raises(StreamIdle):
        list(found)


@pytest.mark.parametrize("encoding", ["pcm_s16le", "opus"])
def test_a_stream_without_audio_is_empty(encoding: Encoding) -> None:
    assert len(whole([], StreamFormat(encoding))) == len(whole([b"", b""], StreamFormat(encoding))) == 0
