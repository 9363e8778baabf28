"""WebM and Matroska: browsers' recorders, conferences, screen recorders."""

from __future__ import annotations

import numpy as np

from tests.cases.case import Case, Cases
from tests.cases.write import Planes, damaged, ffmpeg, gap, stereo

CLUSTER = b"\x1f\x43\xb6\x75"


def webm(voice: Planes, **more: str) -> bytes:
    return ffmpeg("webm", "libopus", voice, hz=48_000, options=more)


def live(voice: Planes) -> bytes:
    """As Chrome's recorder writes it: no lengths, no table of contents, a cluster a second."""
    return webm(voice, live="1", cluster_time_limit="1000")


def later_chunk(voice: Planes) -> bytes:
    data = live(voice)
    return data[data.index(CLUSTER, data.index(CLUSTER) + 4) :]


def middle_of_a_cluster(voice: Planes) -> bytes:
    """A chunk of a second begins where the recorder was, not where a cluster does."""
    data = live(voice)
    return data[data.index(b"\xa3", data.index(CLUSTER) + 400) :]


def joined(voice: Planes) -> bytes:
    first, second = np.split(voice, 2)
    return live(first) + live(stereo(second))


def mka(codec: str, hz: int) -> Case:
    return Case(lambda voice: ffmpeg("matroska", codec, voice, hz=hz))


CODECS = (
    *(("aac", 48_000), ("flac", 16_000), ("libmp3lame", 44_100), ("mp2", 48_000), ("ac3", 48_000), ("alac", 16_000)),
    *(("pcm_s16le", 16_000), ("pcm_s16be", 16_000), ("pcm_s24le", 48_000), ("pcm_f32le", 16_000)),
    *(("wavpack", 16_000), ("tta", 16_000)),
)
CASES: Cases = {
    "webm": Case(webm),
    "webm_live": Case(live),
    "webm_stereo": Case(lambda voice: webm(stereo(voice))),
    "webm_video": Case(lambda voice: ffmpeg("webm", "libopus", voice, hz=48_000, video=True)),
    "webm_joined": Case(joined),
    "webm_header_lost": Case(later_chunk, code="unsupported_audio", says="later chunk"),
    "webm_header_lost_in_cluster": Case(middle_of_a_cluster, code="unsupported_audio", says="later chunk"),
    "webm_zeros_after": Case(lambda voice: live(voice) + bytes(4_000)),
    "webm_cut": Case(lambda voice: webm(voice)[:-9_000], code="truncated_audio"),
    "webm_live_cut": Case(lambda voice: live(voice)[:-3_000], 0.95),
    "webm_middle_zeroed": Case(lambda voice: damaged(webm(voice), size=3_000), 0.9, lost_s=2.0),
    "webm_middle_missing": Case(lambda voice: gap(webm(voice), size=6_000), 0.9, lost_s=2.0),
    "mkv_video": Case(lambda voice: ffmpeg("matroska", "aac", voice, hz=48_000, video=True)),
    "mkv_second_default": Case(
        lambda voice: ffmpeg("matroska", "libopus", np.zeros_like(voice), voice, hz=48_000, default=1)
    ),
    "mkv_first_silent": Case(lambda voice: ffmpeg("matroska", "libopus", np.zeros_like(voice), voice, hz=48_000)),
    **{f"mka_{codec}": mka(codec, hz) for codec, hz in CODECS},
}
