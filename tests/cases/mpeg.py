"""MP3, AAC, AC-3 and transport streams: frames without a container, or with little of one."""

from __future__ import annotations

import numpy as np

from tests.cases.case import TELEPHONE, Case, Cases
from tests.cases.write import Planes, ape, center, ffmpeg, id3, jpeg, stereo


def mp3(voice: Planes, hz: int = 16_000, **options: str) -> bytes:
    """CBR without a tag or a frame that tells its length, unless told otherwise."""
    return ffmpeg("mp3", "libmp3lame", voice, hz=hz, options={"id3v2_version": "0", "write_xing": "0", **options})


def joined(voice: Planes) -> bytes:
    """Two recordings after one another, each with a tag and a frame that tells its length."""
    first, second = np.split(voice, 2)
    return mp3(first, id3v2_version="3", write_xing="1") + mp3(
        stereo(second), hz=44_100, id3v2_version="3", write_xing="1"
    )


def joined_alike(voice: Planes) -> bytes:
    return b"".join(mp3(part, write_xing="1") for part in np.split(voice, 2))


PICTURE = (b"APIC", b"\0image/jpeg\0\x03\0" + jpeg())
TITLE = (b"TIT2", b"\0hello")

CASES: Cases = {
    "mp3": Case(lambda voice: ffmpeg("mp3", "libmp3lame", voice)),
    "mp3_plain": Case(mp3),
    "mp3_44_khz_stereo": Case(lambda voice: mp3(stereo(voice), hz=44_100, write_xing="1")),
    "mp3_8_khz": Case(lambda voice: mp3(voice, hz=8_000), 0.96, hz=TELEPHONE),
    "mp3_picture": Case(lambda voice: id3(TITLE, PICTURE) + mp3(voice)),
    "mp3_two_id3": Case(lambda voice: id3(TITLE) + id3(PICTURE) + mp3(voice, write_xing="1")),
    "mp3_three_id3": Case(lambda voice: id3(TITLE) * 2 + id3((b"APIC", bytes(70_000))) + mp3(voice)),
    "mp3_id3_of_200_kb": Case(lambda voice: id3((b"APIC", bytes(200_000))) + mp3(voice)),
    "mp3_id3_zeros": Case(lambda voice: id3(TITLE) + bytes(4_000) + mp3(voice)),
    "mp3_zeros_before": Case(lambda voice: bytes(4_000) + mp3(voice)),
    "mp3_many_zeros_before": Case(lambda voice: bytes(100_000) + mp3(voice)),
    "mp3_ape_before": Case(lambda voice: ape() + mp3(voice)),
    "mp3_ape_after": Case(lambda voice: mp3(voice) + ape() + b"TAG" + bytes(125)),
    "mp3_zeros_after": Case(lambda voice: mp3(voice) + bytes(10_000)),
    "mp3_text_after": Case(lambda voice: mp3(voice) + b"LYRICSBEGIN" + b"la la " * 300 + b"LYRICS200"),
    "mp3_from_a_stream": Case(lambda voice: mp3(voice)[333:]),
    "mp3_joined": Case(joined),
    "mp3_joined_alike": Case(joined_alike),
    "mp3_cut": Case(lambda voice: mp3(voice, write_xing="1")[:9_000], code="truncated_audio", says="4."),
    "mp2": Case(lambda voice: ffmpeg("mp2", "mp2", voice)),
    "ac3": Case(lambda voice: ffmpeg("ac3", "ac3", stereo(voice), hz=48_000)),
    "eac3": Case(lambda voice: ffmpeg("eac3", "eac3", stereo(voice), hz=48_000)),
    "aac": Case(lambda voice: ffmpeg("adts", "aac", voice)),
    "aac_id3": Case(lambda voice: id3(TITLE, PICTURE) + ffmpeg("adts", "aac", voice)),
    "aac_two_id3": Case(lambda voice: id3(TITLE) + id3(PICTURE) + ffmpeg("adts", "aac", voice)),
    "aac_5_1": Case(lambda voice: ffmpeg("adts", "aac", center(voice), hz=48_000, bit_rate=384_000)),
    "aac_latm": Case(lambda voice: ffmpeg("latm", "aac", voice)),
    "ts_aac": Case(lambda voice: ffmpeg("mpegts", "aac", voice)),
    "ts_mp2": Case(lambda voice: ffmpeg("mpegts", "mp2", voice, hz=48_000)),
    "ts_ac3": Case(lambda voice: ffmpeg("mpegts", "ac3", voice, hz=48_000)),
    "ts_opus": Case(lambda voice: ffmpeg("mpegts", "libopus", voice, hz=48_000)),
    "ts_video": Case(lambda voice: ffmpeg("mpegts", "aac", voice, video=True)),
    "mpeg_program": Case(lambda voice: ffmpeg("vob", "mp2", voice, hz=48_000, video=True)),
}
