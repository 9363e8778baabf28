"""One take in many encodings is one take; two readings of one sentence are two."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from speakerid.audio.decode import decode
from speakerid.audio.fingerprint import FULL_BYTES, LONGEST, SAME, distance, fingerprint, is_same_take
from speakerid.types import FloatArray
from tests.audio.encode import encode
from tests.sampled import ADA, BEN, utterance

HZ = 16_000
TAKE = decode(utterance(ADA))
RANDOM = np.random.default_rng(0)


def coded(name: str, rate_hz: int) -> FloatArray:
    return decode(encode(name, TAKE, rate_hz, voice_hz=HZ))


def telephone(samples: FloatArray) -> FloatArray:
    return decode(encode("wav-mulaw", samples, 8_000, voice_hz=HZ))


def noise(size: int, level: float) -> FloatArray:
    return (RANDOM.standard_normal(size) * level).astype(np.float32)


def faster(samples: FloatArray) -> FloatArray:
    """By 8 %, and higher by as much."""
    return np.asarray(soxr.resample(samples, HZ * 1.08, HZ), np.float32)


AGAIN = {
    "itself": TAKE,
    "mp3": coded("mp3", 44_100),
    "m4a": coded("m4a-aac", 44_100),
    "opus": coded("ogg-opus", 48_000),
    "telephone": telephone(TAKE),
    "later": np.concatenate([noise(4_877, 1e-3), TAKE]),
    "earlier": TAKE[4_877:],
    "cut": TAKE[: len(TAKE) * 3 // 4],
    "quiet": TAKE * np.float32(0.05),
    "later by telephone": telephone(np.concatenate([noise(4_877, 1e-3), TAKE])),
    "among silence": np.concatenate([np.zeros(3 * HZ, np.float32), TAKE, np.zeros(3 * HZ, np.float32)]),
    "inverted": -TAKE,
}


@pytest.mark.parametrize("how", AGAIN)
def test_one_take_is_known_again(how: str) -> None:
    assert distance(fingerprint(AGAIN[how]), fingerprint(TAKE)) < SAME - 0.05
    assert is_same_take(fingerprint(AGAIN[how]), fingerprint(TAKE))


OTHER = {
    "another sentence": decode(utterance(ADA, 1)),
    "another speaker": decode(utterance(BEN)),
    "the same sentence faster": faster(TAKE),
    "noise": noise(len(TAKE), 0.1),
    "half of it, then something else": np.concatenate([TAKE[: len(TAKE) // 2], decode(utterance(ADA, 2))]),
}


@pytest.mark.parametrize("what", OTHER)
def test_another_take_is_not_taken_for_it(what: str) -> None:
    assert distance(fingerprint(OTHER[what]), fingerprint(TAKE)) > SAME + 0.04


def test_a_longer_recording_is_new_and_its_piece_is_not() -> None:
    longer = np.concatenate([TAKE, decode(utterance(ADA, 1)), decode(utterance(ADA, 2))])
    assert not is_same_take(fingerprint(longer), fingerprint(TAKE))
    assert is_same_take(fingerprint(TAKE), fingerprint(longer))


@pytest.mark.parametrize("samples", [TAKE[:0], TAKE[:1_000], np.zeros(HZ, np.float32), TAKE[: HZ // 2]])
def test_too_little_is_never_the_same(samples: FloatArray) -> None:
    assert not is_same_take(fingerprint(samples), fingerprint(samples))


def test_a_fingerprint_has_two_bytes_for_16_ms_of_the_first_and_the_last_20_s() -> None:
    long = np.tile(TAKE, 20)
    assert len(fingerprint(TAKE)) <= 2 * len(TAKE) / 256
    assert len(fingerprint(long[:LONGEST])) == FULL_BYTES
    assert fingerprint(long) == fingerprint(long[:LONGEST]) + fingerprint(long[-LONGEST:])


LONG = np.concatenate([decode(utterance(who, nth)) for who in (ADA, BEN) for nth in range(3)])


def test_a_long_take_is_known_again_by_its_beginning_and_its_end() -> None:
    assert len(LONG) > 2 * LONGEST
    for again in (LONG, telephone(LONG), decode(encode("mp3", LONG, 44_100, voice_hz=HZ)), LONG[4_877:-4_877]):
        assert is_same_take(fingerprint(again), fingerprint(LONG))


def test_long_recordings_with_one_beginning_are_two() -> None:
    other = np.concatenate([LONG[: 21 * HZ], LONG[21 * HZ :][::-1]])
    assert len(other) == len(LONG)
    assert not is_same_take(fingerprint(other), fingerprint(LONG))
    assert not is_same_take(fingerprint(LONG[: 30 * HZ]), fingerprint(LONG[: 19 * HZ]))


def test_a_take_of_about_20_s_is_known_again_on_either_side_of_them() -> None:
    shorter, longer = LONG[: LONGEST - 3_000], LONG[: LONGEST + 3_000]
    assert is_same_take(fingerprint(longer), fingerprint(shorter))
    assert is_same_take(fingerprint(shorter), fingerprint(longer))
