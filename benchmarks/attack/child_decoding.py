"""What decoding in a child costs an honest caller: files of 4 s, in turns in this process and in a warm child."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.attack.figures import Figure, at_most
from speakerid.audio.children import pool
from speakerid.audio.decode import decode
from speakerid.audio.file_decoder import decode_here
from speakerid.audio.limits import DecodeLimits
from tests.audio.encode import encode
from tests.audio.voice import synthetic_voice

FORMATS = ("mp3", "m4a-aac", "ogg-opus", "webm-opus", "flac")
TURNS = 200
SECONDS = 4.0
VOICE_HZ, RATE_HZ = 48_000, 16_000  # as it is made, as it is encoded
MOST_MS = 5.0
LIMITS = DecodeLimits()


def measure(turns: int = TURNS) -> Iterator[Figure]:
    for kind in FORMATS:
        data = encode(kind, synthetic_voice(SECONDS, VOICE_HZ), RATE_HZ)
        here, child = _in_turns(data, turns)
        note = f"{here:.1f} ms here, {child:.1f} ms in a child, median of {turns}"
        yield at_most(f"child decoding: {kind} costs more", child - here, MOST_MS, "ms", note)
    pool.close()


def _in_turns(data: bytes, turns: int) -> tuple[float, float]:
    """Median milliseconds. Raises AssertionError when the two differ by one bit."""
    here, child = list[float](), list[float]()
    for _ in range(turns):
        took_ms, expected = _timed(lambda: np.concatenate([one.samples for one in decode_here(data, LIMITS, "mix")]))
        here.append(took_ms)
        took_ms, found = _timed(lambda: decode(data))
        child.append(took_ms)
        assert np.array_equal(expected, found)
    return statistics.median(here), statistics.median(child)


def _timed(work: Callable[[], np.typing.NDArray[np.float32]]) -> tuple[float, np.typing.NDArray[np.float32]]:
    began = time.perf_counter()
    made = work()
    return (time.perf_counter() - began) * 1000, made
