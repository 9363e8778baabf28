"""What else telephones, Windows, Apple, Unix and telephone systems leave behind."""

from __future__ import annotations

import struct

from tests.cases.case import TELEPHONE, Case, Cases
from tests.cases.write import Planes, ffmpeg, pcm16, sndfile, stereo


def amr(voice: Planes) -> bytes:
    return ffmpeg("amr", "libopencore_amrnb", voice, hz=8_000, bit_rate=12_200)


def caf(codec: str, hz: int = 16_000) -> Case:
    return Case(lambda voice: ffmpeg("caf", codec, voice, hz=hz))


def caf_of_a_stream(voice: Planes) -> bytes:
    """The size of the last chunk is -1 while it is recorded."""
    data = ffmpeg("caf", "pcm_s16le", voice)
    at_data = data.index(b"data")
    return data[: at_data + 4] + b"\xff" * 8 + data[at_data + 12 :]


def au(voice: Planes) -> bytes:
    """Of unknown length, as a pipe writes it."""
    return struct.pack(">4sIIIII", b".snd", 24, 0xFFFF_FFFF, 3, 16_000, 1) + pcm16(voice).astype(">i2").tobytes()


CASES: Cases = {
    "aiff": Case(lambda voice: sndfile(voice, "AIFF", "PCM_16")),
    "aiff_24_bits_stereo": Case(lambda voice: sndfile(stereo(voice), "AIFF", "PCM_24", hz=48_000)),
    "aifc_sowt": Case(lambda voice: sndfile(voice, "AIFF", "PCM_16", endian="LITTLE")),
    "aifc_fl32": Case(lambda voice: sndfile(voice, "AIFF", "FLOAT")),
    "aifc_fl64": Case(lambda voice: sndfile(voice, "AIFF", "DOUBLE")),
    "aifc_ulaw": Case(lambda voice: sndfile(voice, "AIFF", "ULAW", hz=8_000), hz=TELEPHONE),
    "aifc_alaw": Case(lambda voice: sndfile(voice, "AIFF", "ALAW", hz=8_000), hz=TELEPHONE),
    "aifc_ima4": Case(lambda voice: sndfile(voice, "AIFF", "IMA_ADPCM"), 0.95),
    "aiff_cut": Case(lambda voice: sndfile(voice, "AIFF", "PCM_16")[:60_000], code="truncated_audio"),
    "caf_s16": caf("pcm_s16le"),
    "caf_alac": caf("alac"),
    "caf_ima4": Case(lambda voice: ffmpeg("caf", "adpcm_ima_qt", voice), 0.95),
    "caf_ulaw": Case(lambda voice: ffmpeg("caf", "pcm_mulaw", voice, hz=8_000), hz=TELEPHONE),
    "caf_of_a_stream": Case(caf_of_a_stream),
    "au": Case(lambda voice: sndfile(voice, "AU", "PCM_16")),
    "au_ulaw": Case(lambda voice: sndfile(voice, "AU", "ULAW", hz=8_000), hz=TELEPHONE),
    "au_float": Case(lambda voice: sndfile(voice, "AU", "FLOAT")),
    "au_of_a_stream": Case(au),
    "amr": Case(amr, 0.9, hz=TELEPHONE),
    "amr_mms": Case(
        lambda voice: ffmpeg("amr", "libopencore_amrnb", voice, hz=8_000, bit_rate=4_750), 0.7, hz=TELEPHONE
    ),
    "wma_v1": Case(lambda voice: ffmpeg("asf", "wmav1", voice)),
    "wma_v2": Case(lambda voice: ffmpeg("asf", "wmav2", stereo(voice), hz=44_100), 0.97),
    "wma_video": Case(lambda voice: ffmpeg("asf", "wmav2", voice, hz=44_100, video=True), 0.97),
    "wma_cut": Case(lambda voice: ffmpeg("asf", "wmav2", voice, hz=44_100)[:-20_000], code="truncated_audio"),
    "avi_pcm": Case(lambda voice: ffmpeg("avi", "pcm_s16le", voice, video=True)),
    "avi_mp3": Case(lambda voice: ffmpeg("avi", "libmp3lame", voice, hz=44_100, video=True)),
    "flv_mp3": Case(lambda voice: ffmpeg("flv", "libmp3lame", voice, hz=44_100)),
    "flv_aac": Case(lambda voice: ffmpeg("flv", "aac", voice, hz=44_100)),
    "flv_nellymoser": Case(lambda voice: ffmpeg("flv", "nellymoser", voice, hz=22_050), 0.95),
    "wavpack": Case(lambda voice: ffmpeg("wv", "wavpack", voice)),
    "tta": Case(lambda voice: ffmpeg("tta", "tta", voice)),
    "voc": Case(lambda voice: sndfile(voice, "VOC", "PCM_16")),
    "voc_ulaw": Case(lambda voice: sndfile(voice, "VOC", "ULAW", hz=8_000), hz=TELEPHONE),
    "sphere": Case(lambda voice: sndfile(voice, "NIST", "PCM_16")),
    "sphere_ulaw": Case(lambda voice: sndfile(voice, "NIST", "ULAW", hz=8_000), hz=TELEPHONE),
    "ircam": Case(lambda voice: sndfile(voice, "IRCAM", "PCM_16")),
    "sox": Case(lambda voice: ffmpeg("sox", "pcm_s32le", voice)),
    "real_144": Case(lambda voice: ffmpeg("rm", "real_144", voice, hz=8_000), 0.6, hz=TELEPHONE),
    "raw_pcm": Case(lambda voice: pcm16(voice).tobytes(), code="unsupported_audio", says="known format"),
    "raw_ulaw": Case(
        lambda voice: ffmpeg("mulaw", "pcm_mulaw", voice, hz=8_000), code="unsupported_audio", says="known format"
    ),
    "raw_ulaw_like_json": Case(
        lambda voice: b"{[" + ffmpeg("mulaw", "pcm_mulaw", voice, hz=8_000),
        code="unsupported_audio",
        says="known format",
    ),
    "raw_alaw_like_json": Case(lambda voice: b"[" + b"\x55\xd5" * 2_000, code="unsupported_audio", says="known format"),
    "raw_g722": Case(lambda voice: ffmpeg("g722", "g722", voice), code="unsupported_audio", says="known format"),
    "rate_5_khz": Case(lambda voice: sndfile(voice, "WAV", "PCM_16", hz=5_000), hz=5_000),
}
