"""Ogg and FLAC: voice notes, radio, studios; several streams after one another."""

from __future__ import annotations

import numpy as np

from tests.audio.encode import soundfile_bytes
from tests.cases.case import Case, Cases
from tests.cases.write import Planes, at, center, damaged, ffmpeg, gap, id3, sndfile, stereo


def opus(voice: Planes, **more: str) -> bytes:
    return ffmpeg("ogg", "libopus", voice, hz=48_000, options=more)


def vorbis(voice: Planes, hz: int = 16_000) -> bytes:
    return soundfile_bytes(np.stack([at(one, hz) for one in np.atleast_2d(voice)], axis=1), hz, "OGG", "VORBIS")


def flac(voice: Planes, hz: int = 16_000) -> bytes:
    return ffmpeg("flac", "flac", voice, hz=hz)


def halves(voice: Planes) -> tuple[Planes, Planes]:
    first, second = np.split(voice, 2)
    return first, second


def chained(first: bytes, second: bytes) -> bytes:
    return first + second


def many_links(voice: Planes) -> bytes:
    return b"".join(opus(part if nth % 2 else stereo(part)) for nth, part in enumerate(np.split(voice, 4)))


CASES: Cases = {
    "opus": Case(opus),
    "opus_stereo": Case(lambda voice: opus(stereo(voice))),
    "opus_5_1": Case(lambda voice: opus(center(voice))),
    "opus_frames_of_60_ms": Case(lambda voice: opus(voice, page_duration="1000000")),
    "ogg_vorbis": Case(vorbis),
    "ogg_vorbis_8_channels": Case(lambda voice: vorbis(np.repeat(voice[None], 8, 0))),
    "ogg_vorbis_12_channels": Case(lambda voice: vorbis(np.repeat(voice[None], 12, 0))),
    "ogg_flac": Case(lambda voice: ffmpeg("ogg", "flac", voice)),
    "ogg_opus_sndfile": Case(lambda voice: sndfile(voice, "OGG", "OPUS", hz=48_000)),
    "ogg_two_streams": Case(lambda voice: ffmpeg("ogg", "libopus", np.zeros_like(voice), voice, hz=48_000, default=1)),
    "ogg_chain_alike": Case(lambda voice: chained(*map(opus, halves(voice)))),
    "ogg_chain_mono_stereo": Case(lambda voice: opus(halves(voice)[0]) + opus(stereo(halves(voice)[1]))),
    "ogg_chain_rates": Case(lambda voice: vorbis(halves(voice)[0]) + vorbis(halves(voice)[1], hz=44_100)),
    "ogg_chain_vorbis_stereo": Case(lambda voice: vorbis(halves(voice)[0]) + vorbis(stereo(halves(voice)[1]))),
    "ogg_chain_codecs": Case(lambda voice: opus(halves(voice)[0]) + vorbis(halves(voice)[1])),
    "ogg_chain_flac_opus": Case(lambda voice: ffmpeg("ogg", "flac", halves(voice)[0]) + opus(halves(voice)[1])),
    "ogg_chain_of_four": Case(many_links),
    "ogg_zeros_after": Case(lambda voice: opus(voice) + bytes(3_000)),
    "ogg_id3_before": Case(lambda voice: id3((b"TIT2", b"\0hello")) + opus(voice)),
    "ogg_cut": Case(lambda voice: opus(voice)[:-9_000], code="truncated_audio"),
    "ogg_middle_zeroed": Case(lambda voice: damaged(opus(voice), size=3_000), 0.9, lost_s=1.0),
    "ogg_middle_missing": Case(lambda voice: gap(opus(voice), size=6_000), 0.9, lost_s=1.0),
    "flac": Case(flac),
    "flac_id3": Case(lambda voice: id3((b"TIT2", b"\0hello")) + flac(voice)),
    "flac_two_id3": Case(lambda voice: id3((b"TIT2", b"\0hello")) * 2 + flac(voice)),
    "flac_id3_after": Case(lambda voice: flac(voice) + b"TAG" + bytes(125)),
    "flac_zeros_after": Case(lambda voice: flac(voice) + bytes(5_000)),
    "flac_24_bits_96_khz": Case(lambda voice: sndfile(stereo(voice), "FLAC", "PCM_24", hz=96_000)),
    "flac_8_channels": Case(lambda voice: sndfile(np.repeat(voice[None], 8, 0), "FLAC", "PCM_16")),
    "flac_of_a_stream": Case(lambda voice: unknown_length(flac(voice))),
    "flac_joined": Case(lambda voice: flac(halves(voice)[0]) + flac(halves(voice)[1])),
    "flac_joined_formats": Case(lambda voice: flac(halves(voice)[0]) + flac(stereo(halves(voice)[1]), hz=44_100)),
    "flac_cut": Case(lambda voice: flac(voice)[:30_000], code="truncated_audio", says="4.00 s"),
    "flac_middle_zeroed": Case(lambda voice: damaged(flac(voice), size=9_000), 0.9, lost_s=0.5),
}


def unknown_length(data: bytes) -> bytes:
    """36 bits of the number of samples, after 4 bytes of name, 4 of block header and 13 of sizes and rate."""
    return data[:21] + bytes([data[21] & 0xF0]) + bytes(4) + data[26:]
