"""MP4, M4A, MOV and 3GP: telephones, Apple's recorders, cameras, browsers."""

from __future__ import annotations

import struct

import numpy as np

from tests.audio.bombs import box
from tests.cases.case import TELEPHONE, Case, Cases
from tests.cases.write import Planes, center, ffmpeg, stereo

FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}
NAMES = "Edelstein stsz trun elst moov stco"


def m4a(voice: Planes) -> bytes:
    return ffmpeg("ipod", "aac", voice, hz=44_100)


def titled(voice: Planes, title: str) -> bytes:
    return ffmpeg("ipod", "aac", voice, hz=44_100, metadata={"title": title, "comment": title * 3})


def joined(voice: Planes) -> bytes:
    """Two files after one another."""
    first, second = np.split(voice, 2)
    return m4a(first) + ffmpeg("ipod", "aac", stereo(second), hz=48_000)


def silent_first(voice: Planes, default: int) -> bytes:
    return ffmpeg("mp4", "aac", np.zeros_like(voice), voice, hz=48_000, default=default)


def without_header(voice: Planes) -> bytes:
    """A later chunk of Safari's recorder."""
    data = ffmpeg("mp4", "aac", voice, hz=48_000, options=FRAGMENTS)
    return data[data.index(b"moof") - 4 :]


CASES: Cases = {
    "m4a": Case(m4a),
    "m4a_tables_first": Case(lambda voice: tables_first(m4a(voice))),
    "m4a_alac": Case(lambda voice: ffmpeg("ipod", "alac", voice, hz=44_100)),
    "m4a_title_of_boxes": Case(lambda voice: titled(voice, NAMES)),
    "m4a_tag_after": Case(lambda voice: m4a(voice) + b"TAG" + b"hello".ljust(125)),
    "m4a_id3_after": Case(lambda voice: m4a(voice) + b"ID3\x03\0\0\0\0\x10\0" + bytes(2_048)),
    "m4a_ape_after": Case(lambda voice: m4a(voice) + b"APETAGEX" + bytes(100)),
    "m4a_zeros_after": Case(lambda voice: m4a(voice) + bytes(5_000)),
    "m4a_text_after": Case(lambda voice: m4a(voice) + b"moov moov mdat mdat " * 9),
    "m4a_free_before": Case(lambda voice: tables_first(m4a(voice), box(b"free", bytes(400)))),
    "m4a_wide_mdat": Case(lambda voice: wide(m4a(voice))),
    "m4a_fragments": Case(lambda voice: ffmpeg("mp4", "aac", voice, hz=48_000, options=FRAGMENTS)),
    "m4a_fragments_opus": Case(lambda voice: ffmpeg("mp4", "libopus", voice, hz=48_000, options=FRAGMENTS)),
    "m4a_5_1": Case(lambda voice: ffmpeg("ipod", "aac", center(voice), hz=48_000, bit_rate=384_000)),
    "m4a_mp3": Case(lambda voice: ffmpeg("mp4", "libmp3lame", voice, hz=44_100)),
    "m4a_ac3": Case(lambda voice: ffmpeg("mp4", "ac3", voice, hz=48_000)),
    "m4a_joined": Case(joined),
    "m4a_header_lost": Case(without_header, code="unsupported_audio", says="later chunk"),
    "m4a_cut": Case(lambda voice: tables_first(m4a(voice))[:20_000], code="truncated_audio"),
    "m4a_without_index": Case(lambda voice: m4a(voice)[:20_000], code="truncated_audio"),
    "mp4_video": Case(lambda voice: ffmpeg("mp4", "aac", voice, hz=48_000, video=True)),
    "mp4_video_alone": Case(lambda voice: ffmpeg("mp4", "aac", video=True), code="unsupported_audio", says="no audio"),
    "mp4_second_default": Case(lambda voice: silent_first(voice, default=1)),
    "mp4_first_silent": Case(lambda voice: silent_first(voice, default=0)),
    "mp4_three_tracks": Case(
        lambda voice: ffmpeg("mp4", "aac", np.zeros_like(voice), np.zeros_like(voice), voice, hz=48_000, video=True)
    ),
    "mov_s16le": Case(lambda voice: ffmpeg("mov", "pcm_s16le", voice)),
    "mov_s16be": Case(lambda voice: ffmpeg("mov", "pcm_s16be", voice)),
    "mov_s24le": Case(lambda voice: ffmpeg("mov", "pcm_s24le", stereo(voice), hz=48_000)),
    "mov_f32le": Case(lambda voice: ffmpeg("mov", "pcm_f32le", voice)),
    "mov_ulaw": Case(lambda voice: ffmpeg("mov", "pcm_mulaw", voice, hz=8_000), hz=TELEPHONE),
    "mov_ima4": Case(lambda voice: ffmpeg("mov", "adpcm_ima_qt", voice), 0.95),
    "mov_video": Case(lambda voice: ffmpeg("mov", "pcm_s16le", voice, video=True)),
    "3gp_amr": Case(
        lambda voice: ffmpeg("3gp", "libopencore_amrnb", voice, hz=8_000, bit_rate=12_200), 0.9, hz=TELEPHONE
    ),
    "3gp_aac": Case(lambda voice: ffmpeg("3gp", "aac", voice)),
    "3g2_aac": Case(lambda voice: ffmpeg("3g2", "aac", voice)),
}


def wide(data: bytes) -> bytes:
    """The same with 64 bits for the size of the samples, where 8 bytes of `free` lie before it."""
    at = data.index(b"mdat") - 4
    if data[at - 4 : at] != b"free":
        return data
    size = struct.unpack(">I", data[at : at + 4])[0]
    return data[: at - 8] + struct.pack(">I4sQ", 1, b"mdat", size + 8) + data[at + 8 :]


def tables_first(data: bytes, before: bytes = b"") -> bytes:
    """The same with its tables, and `before`, in front of the samples, whose places in `stco` follow."""
    start = data.index(b"moov") - 4
    size = struct.unpack(">I", data[start : start + 4])[0]
    moov, rest = bytearray(data[start : start + size]), data[:start] + data[start + size :]
    head = struct.unpack(">I", rest[:4])[0]
    at = moov.index(b"stco") + 8
    for place in range(at + 4, at + 4 + 4 * struct.unpack_from(">I", moov, at)[0], 4):
        struct.pack_into(">I", moov, place, struct.unpack_from(">I", moov, place)[0] + size + len(before))
    return rest[:head] + before + bytes(moov) + rest[head:]
