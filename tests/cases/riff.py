"""WAV as recorders, telephone systems, Windows programs and studios write it."""

from __future__ import annotations

import struct

import numpy as np

from tests.cases.case import TELEPHONE, Case, Cases
from tests.cases.write import (
    RATE_HZ,
    Planes,
    ape,
    chunk,
    extensible,
    ffmpeg,
    fmt,
    id3,
    pcm16,
    riff,
    sndfile,
    stereo,
    wav,
)


def s24_in_32(voice: Planes) -> bytes:
    """As Windows' shared mode delivers it (WASAPI): 24 valid bits, on top of 32."""
    return riff(extensible(1, 32, 24), chunk(b"data", ((voice * 2.0**23).astype("<i4") << 8).tobytes()))


def s20_in_24(voice: Planes) -> bytes:
    words = (voice * 2.0**19).astype("<i4") << 4
    return riff(extensible(1, 24, 20), chunk(b"data", words.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()))


def s12_in_16(voice: Planes) -> bytes:
    """`wBitsPerSample` 12, each in two bytes, left-justified as the format says."""
    words = (voice * 2.0**11).astype("<i2") << 4
    return riff(fmt(1, 12, align=2), chunk(b"data", words.tobytes()))


def big_endian(voice: Planes) -> bytes:
    return riff(fmt(1, 16, order=">"), chunk(b"data", pcm16(voice).astype(">i2").tobytes(), ">"), name=b"RIFX")


def bw64(voice: Planes, size: int = 0xFFFF_FFFF) -> bytes:
    samples = pcm16(voice).tobytes()
    ds64 = chunk(b"ds64", struct.pack("<QQQI", len(samples) + 72, len(samples), len(samples) // 2, 0))
    return riff(ds64, fmt(1, 16), struct.pack("<4sI", b"data", size) + samples, name=b"BW64", size=0xFFFF_FFFF)


def joined_recordings(voice: Planes) -> bytes:
    """The chunks of a recorder, each with a header, one after the other."""
    return b"".join(wav(part) for part in np.split(voice, 4))


def joined_formats(voice: Planes) -> bytes:
    first, second = np.split(voice, 2)
    return wav(first) + sndfile(stereo(second), "WAV", "PCM_24", hz=48_000)


def two_data_chunks(voice: Planes) -> bytes:
    first, second = (chunk(b"data", pcm16(part).tobytes()) for part in np.split(voice, 2))
    return riff(fmt(1, 16), first, chunk(b"LIST", b"INFO"), second)


def odd_chunk_without_padding(voice: Planes) -> bytes:
    """A note of odd length before the samples, not padded, as some writers do."""
    return riff(fmt(1, 16), struct.pack("<4sI", b"note", 3) + b"abc", chunk(b"data", pcm16(voice).tobytes()))


def list_that_lies(voice: Planes) -> bytes:
    return wav(voice, struct.pack("<4sI", b"LIST", 9_000) + b"INFOISFT" + bytes(20))


def no_bit_rate(voice: Planes) -> bytes:
    """VBR MP3, whose mean rate the writer did not know."""
    data = bytearray(ffmpeg("wav", "libmp3lame", voice, hz=16_000))
    data[28:32] = bytes(4)
    return bytes(data)


def high_rate(channels: int, hz: int) -> Case:
    return Case(lambda voice: sndfile(np.repeat(voice[None], channels, 0), "WAVEX", "PCM_16", hz=hz))


BEXT = chunk(b"bext", b"Recorder".ljust(602, b"\0"))
IXML = chunk(b"iXML", b'<?xml version="1.0"?><BWFXML><TAKE>1</TAKE></BWFXML>')

CASES: Cases = {
    "wav": Case(wav),
    "wav_8_bits": Case(lambda voice: ffmpeg("wav", "pcm_u8", voice), cosine=0.95),
    "wav_12_bits": Case(s12_in_16),
    "wav_20_in_24": Case(s20_in_24),
    "wav_24_in_32": Case(s24_in_32),
    "wav_64_bit_float": Case(lambda voice: sndfile(voice, "WAV", "DOUBLE")),
    "wav_float_at_1e-3": Case(lambda voice: sndfile(1e-3 * voice, "WAV", "FLOAT")),
    "wav_alaw": Case(lambda voice: sndfile(voice, "WAV", "ALAW", hz=8_000), hz=TELEPHONE),
    "wav_ulaw": Case(lambda voice: sndfile(voice, "WAV", "ULAW", hz=8_000), hz=TELEPHONE),
    "wav_gsm610": Case(lambda voice: sndfile(voice, "WAV", "GSM610", hz=8_000), 0.9, hz=TELEPHONE),
    "wav_adpcm_ms": Case(lambda voice: sndfile(voice, "WAV", "MS_ADPCM"), 0.95),
    "wav_adpcm_ima": Case(lambda voice: sndfile(voice, "WAV", "IMA_ADPCM"), 0.95),
    "wav_adpcm_yamaha": Case(lambda voice: ffmpeg("wav", "adpcm_yamaha", voice), 0.95),
    "wav_g726": Case(lambda voice: ffmpeg("wav", "g726", voice, hz=8_000), 0.9, hz=TELEPHONE),
    "wav_g722": Case(lambda voice: ffmpeg("wav", "g722", voice), 0.95),
    "wav_mp3": Case(lambda voice: ffmpeg("wav", "libmp3lame", voice)),
    "wav_mp3_no_bit_rate": Case(no_bit_rate),
    "wav_ac3": Case(lambda voice: ffmpeg("wav", "ac3", voice, hz=48_000)),
    "wav_wmav2": Case(lambda voice: ffmpeg("wav", "wmav2", voice)),
    "wav_big_endian": Case(big_endian),
    "rf64": Case(lambda voice: sndfile(voice, "RF64", "PCM_16")),
    "bw64": Case(bw64),
    "w64": Case(lambda voice: sndfile(voice, "W64", "PCM_16")),
    "w64_float": Case(lambda voice: sndfile(voice, "W64", "FLOAT")),
    "wav_bext_before": Case(lambda voice: wav(voice, before=BEXT + IXML)),
    "wav_bext_after": Case(lambda voice: wav(voice, BEXT, IXML, chunk(b"LIST", b"INFO"))),
    "wav_id3_chunk": Case(lambda voice: wav(voice, chunk(b"id3 ", id3((b"APIC", bytes(30_000)))))),
    "wav_unknown_chunk": Case(lambda voice: wav(voice, chunk(b"ABCD", bytes(range(256)) * 20))),
    "wav_odd_chunk": Case(odd_chunk_without_padding),
    "wav_list_that_lies": Case(list_that_lies),
    "wav_size_0": Case(lambda voice: wav(voice, announced=0)),
    "wav_size_ffffffff": Case(lambda voice: wav(voice, announced=0xFFFF_FFFF)),
    "wav_riff_size_0": Case(lambda voice: wav(voice)[:4] + bytes(4) + wav(voice)[8:]),
    "wav_header_1s_of_4s": Case(lambda voice: wav(voice, announced=2 * RATE_HZ)),
    "wav_joined_recordings": Case(joined_recordings),
    "wav_joined_formats": Case(joined_formats),
    "wav_two_data_chunks": Case(two_data_chunks),
    "wav_after_id3": Case(lambda voice: id3((b"TIT2", b"\0hello")) + wav(voice)),
    "wav_after_two_id3": Case(lambda voice: id3((b"TIT2", b"\0a")) + id3((b"APIC", bytes(5_000))) + wav(voice)),
    "wav_after_ape": Case(lambda voice: ape() + wav(voice)),
    "wav_after_zeros": Case(lambda voice: bytes(512) + wav(voice)),
    "wav_before_id3": Case(lambda voice: wav(voice) + id3((b"TIT2", b"\0hello"), (b"APIC", bytes(9_000)))),
    "wav_before_id3v1": Case(lambda voice: wav(voice) + b"TAG" + bytes(125)),
    "wav_before_zeros": Case(lambda voice: wav(voice) + bytes(9_000)),
    "wav_odd_last_byte": Case(lambda voice: wav(voice, announced=0) + b"\x01"),
    "wav_cut": Case(lambda voice: wav(voice)[:60_000], code="truncated_audio", says="4.00 s"),
    "wav_96_khz": high_rate(2, 96_000),
    "wav_192_khz": high_rate(1, 192_000),
    "wav_8_channels": high_rate(8, RATE_HZ),
    "wav_16_channels": high_rate(16, RATE_HZ),
    "wav_right_is_empty": Case(lambda voice: wav(stereo(voice, 0.0))),
    "wav_left_is_empty": Case(lambda voice: wav(stereo(voice, 0.0)[::-1])),
    "wav_right_is_minus_left": Case(
        lambda voice: sndfile(stereo(voice, -1.0), "WAV", "PCM_16", hz=8_000), hz=TELEPHONE
    ),
    "wav_offset": Case(lambda voice: wav(voice + 0.1)),
}
