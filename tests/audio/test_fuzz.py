"""Damaged files give audio or an AudioError, quickly: nothing else, no warning, no crash."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import numpy as np
import pytest
import soxr

from speakerid.audio.decode import decode
from speakerid.errors import AudioError, DecoderCrashed
from speakerid.types import FloatArray
from tests.audio.encode import encode
from tests.audio.voice import RATE_HZ
from tests.cases import matroska, mp4, mpeg, ogg, others, riff
from tests.cases.case import Cases

FORMATS = (
    *("wav-s16", "wav-f32", "wav-alaw", "flac", "mp3", "ogg-opus", "ogg-vorbis", "webm-opus"),
    *("m4a-aac", "m4a-fragments", "aac"),
)
NAMES = {
    *("wav_adpcm_ms", "wav_joined_formats", "wav_two_data_chunks", "w64", "wav_big_endian", "ogg_chain_codecs"),
    *("webm_joined", "mp3_joined", "mp4_first_silent", "m4a_joined", "mov_s16le", "3gp_amr", "ts_opus", "mpeg_program"),
    *("aiff", "aifc_ima4", "caf_alac", "au", "amr", "wma_v2", "avi_mp3", "flv_nellymoser", "wavpack", "voc", "sphere"),
    *("ac3", "aac_latm", "mka_pcm_s16le", "real_144"),
}
CASES: Cases = {
    name: case
    for module in (riff, mpeg, mp4, ogg, matroska, others)
    for name, case in module.CASES.items()
    if name in NAMES
}
CHANNELS = {"ogg-vorbis": 8, "flac": 2, "m4a-aac": 2}
ROUNDS = 40  # per format; 60,000 rounds of the same kind, run once by hand, found nothing more
SLOW_S = 2.0  # a sound file of this length takes 0.01 s
EXTREMES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\x80\0\0\0")

Damage = Callable[[random.Random, bytearray, int], None]


def flip(rng: random.Random, data: bytearray, at: int) -> None:
    data[at] ^= 1 << rng.randrange(8)


def noise(rng: random.Random, data: bytearray, at: int) -> None:
    data[at : at + 20] = rng.randbytes(20)


def cut(rng: random.Random, data: bytearray, at: int) -> None:
    del data[at + 1 :]


def drop(rng: random.Random, data: bytearray, at: int) -> None:
    del data[at : at + rng.randrange(1, 200)]


def extreme(rng: random.Random, data: bytearray, at: int) -> None:
    data[at : at + 4] = rng.choice(EXTREMES)


def repeat(rng: random.Random, data: bytearray, at: int) -> None:
    data[at:at] = data[at : at + rng.randrange(1, 400)]


DAMAGES: tuple[Damage, ...] = (flip, flip, noise, cut, drop, extreme, repeat)


def damaged(rng: random.Random, whole: bytes) -> bytes:
    """A few damages, half of them among the first 600 bytes or, for M4A's tables, the last."""
    data = bytearray(whole)
    for _ in range(rng.choice((1, 1, 2, 5))):
        reach = min(len(data), rng.choice((64, 600, len(data))))
        at = rng.randrange(reach) if rng.random() < 0.6 else len(data) - 1 - rng.randrange(reach)
        rng.choice(DAMAGES)(rng, data, at)
        if not data:
            break
    return bytes(data)


def whole(name: str, voice: FloatArray) -> bytes:
    if name in CASES:
        return CASES[name].make(np.asarray(soxr.resample(voice, RATE_HZ, 16_000), np.float32))
    return encode(name, voice[:24_000], 16_000, CHANNELS.get(name, 1))


def decoded(data: bytes) -> FloatArray:
    """(n,), nothing of what is refused. Raises DecoderCrashed."""
    try:
        return decode(data)
    except DecoderCrashed:
        raise
    except AudioError:
        return np.zeros(0, np.float32)


@pytest.mark.parametrize("name", [*FORMATS, *CASES])
def test_damaged_files_are_decoded_or_refused(voice: FloatArray, name: str) -> None:
    sound = whole(name, voice)
    rng = random.Random(name)  # the same damages in every run
    for nth in range(ROUNDS):
        data = damaged(rng, sound)
        start = time.process_time()
        samples = decoded(data)
        assert time.process_time() - start < SLOW_S, nth
        assert samples.ndim == 1
        assert np.isfinite(samples).all()
