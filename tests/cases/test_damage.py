"""A file that is damaged in its middle is never taken for a whole one: its answer counts what is missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from speakerid.audio.decode import decode
from speakerid.errors import AudioError, TruncatedAudio
from tests.cases.case import Case
from tests.cases.test_cases import ALL, VOICE
from tests.cases.write import damaged, ffmpeg

# Without check sums or lengths nothing shows the damage: AMR and RealAudio decode anything.
UNKNOWABLE = ("amr", "amr_mms", "3gp_amr", "real_144", "mp3_three_id3")  # there, only tags are hit
# Joined files, hit where one ends and the next begins: half of their packets are gone, or the end of the last.
REFUSED = {
    "m4a_joined": "malformed_audio",
    "ogg_chain_flac_opus": "malformed_audio",
}
WHOLE = {
    name: case for name, case in ALL.items() if case.code is None and case.lost_s is None and name not in UNKNOWABLE
}
LEAST_S = 0.3
# They announce neither their size nor their length, or have a cut where one of their recordings ends.
ENDLESS = (
    *("wav_size_0", "wav_size_ffffffff", "wav_header_1s_of_4s", "wav_joined_recordings", "wav_two_data_chunks"),
    *("wav_odd_last_byte", "ac3", "eac3", "mp2", "flac_of_a_stream", "caf_of_a_stream", "au_of_a_stream", "ircam"),
    *("webm_live", "webm_live_cut", "webm_video", "webm_joined", "webm_zeros_after"),
    *("mkv_video", "mkv_second_default", "mkv_first_silent"),
)
ENDLESS_KINDS = ("mp3", "aac", "ts_", "mpeg_")
ANNOUNCED = [
    pytest.param(case, id=name)
    for name, case in WHOLE.items()
    if name not in ENDLESS and not name.startswith(ENDLESS_KINDS)
]


def damaged_file(case: Case) -> bytes:
    data = case.make(VOICE)
    return damaged(data, 0.45, len(data) // 8)


@pytest.mark.parametrize("case", [pytest.param(WHOLE[name], id=name) for name in WHOLE if name not in REFUSED])
def test_a_damaged_file_answers_with_what_it_lost(case: Case) -> None:
    lost = list[float]()
    whole_s = len(decode(case.make(VOICE))) / 16_000
    found_s = len(decode(damaged_file(case), lost=lost.append)) / 16_000
    missing_s = whole_s - found_s
    assert sum(lost) >= 0.5 * missing_s or missing_s < LEAST_S
    assert sum(lost) <= 1.5 * missing_s + LEAST_S


@pytest.mark.parametrize("name", REFUSED)
def test_only_these_damaged_files_are_refused(name: str) -> None:
    with pytest.raises(AudioError) as caught:
        decode(damaged_file(WHOLE[name]))
    assert caught.value.code == REFUSED[name]


@pytest.mark.parametrize("case", ANNOUNCED)
@pytest.mark.parametrize("share", [0.5, 0.7])
def test_what_is_cut_off_is_told(case: Case, share: float) -> None:
    data, lost = case.make(VOICE), list[float]()
    whole_s = len(decode(data)) / 16_000
    try:
        found_s = len(decode(data[: int(len(data) * share)], lost=lost.append)) / 16_000
    except AudioError:
        return
    assert sum(lost) >= 0.5 * (whole_s - found_s) or whole_s - found_s < LEAST_S


@pytest.mark.parametrize("kind", ["flv_mp3", "avi_mp3", "webm"])
def test_noise_inside_a_file_is_not_told_as_hours(kind: str) -> None:
    data, lost = ALL[kind].make(VOICE), list[float]()
    half = len(data) * 6 // 10
    noise = np.random.default_rng(1).bytes(4 * 1024 * 1024)
    whole_s = len(decode(data)) / 16_000
    decode(data[:half] + noise + data[half:], lost=lost.append)
    assert sum(lost) <= whole_s


def test_an_absurd_count_of_mp3_frames_is_not_told_as_lost() -> None:
    data = bytearray(ffmpeg("mp3", "libmp3lame", VOICE))
    at = max(data.find(b"Xing"), data.find(b"Info"))
    data[at + 8 : at + 12] = (16_000).to_bytes(4, "big")
    with pytest.raises(TruncatedAudio):
        decode(damaged(bytes(data), 0.5, 600, b"\x55"))


@pytest.mark.parametrize(("kind", "share"), [("m4a", 0.02), ("voc", 0.05), ("voc", 0.35), ("flv_aac", 0.65)])
def test_a_third_that_is_zeros_is_told(kind: str, share: float) -> None:
    make: Callable[[], bytes] = {
        "m4a": lambda: ffmpeg("mp4", "aac", VOICE),
        "voc": lambda: ffmpeg("voc", "pcm_u8", VOICE),
        "flv_aac": lambda: ffmpeg("flv", "aac", VOICE, hz=44_100),
    }[kind]
    data, lost = make(), list[float]()
    whole_s = len(decode(data)) / 16_000
    found_s = len(decode(damaged(data, share, int(0.3 * len(data))), lost=lost.append)) / 16_000
    assert found_s < 0.8 * whole_s
    assert sum(lost) == pytest.approx(whole_s - found_s, abs=0.3)
