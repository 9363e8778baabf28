"""Files made to take the memory or the time of a service end in a named error, soon, and beside its process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from speakerid.audio.byte_source import ByteSource
from speakerid.audio.decode import read_announced, stream
from speakerid.audio.limits import RECORDING
from speakerid.audio.stream_decoder import StreamFormat, decoded
from speakerid.errors import AudioError
from tests.audio.bombs import BOMBS, ENDLESS, PASSED_OVER, SMALL, endless
from tests.audio.children.processes import computed_s
from tests.audio.encode import cut

ENDS_S = 10.0  # of computing
LARGE_BYTES = 128 * 1024**2  # a child may compute 3 s for it; `make attack` sends 2 GB
IN_ONE_GIBIBYTE = """
import resource, sys, threading
resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
from speakerid.audio.decode import decode
from speakerid.errors import AudioError
from tests.audio.bombs import BOMBS
refused = []
def send(bomb):
    try:
        decode(bomb)
    except AudioError as error:
        refused.append(error.code)
bombs = [BOMBS[name]() for name in sys.argv[1:] * 2]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
threads = [threading.Thread(target=send, args=(bomb,)) for bomb in bombs]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(refused), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Of computing, here and in children: how long it takes depends on what else a machine does."""
    before_s = computed_s(os.getpid())
    yield
    assert computed_s(os.getpid()) - before_s < seconds


def refused(data: ByteSource, within_s: float) -> AudioError:
    with within(within_s), pytest.raises(AudioError) as caught:
        sum(len(piece) for piece in stream(data, limits=RECORDING))
    return caught.value


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in SMALL else pytest.mark.slow) for name in BOMBS if name != PASSED_OVER],
)
def test_a_bomb_is_refused_within_ten_seconds(name: str) -> None:
    assert refused(BOMBS[name](), ENDS_S).code != "audio_too_long"


@pytest.mark.slow
def test_comments_of_plain_wav_are_passed_over() -> None:
    data = BOMBS[PASSED_OVER]()
    with within(1.0):
        assert sum(len(piece) for piece in stream(data, limits=RECORDING)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_what_a_bomb_announces_is_read_or_refused_within_ten_seconds(name: str) -> None:
    data = BOMBS[name]()
    with within(ENDS_S), contextlib.suppress(AudioError):
        assert read_announced(data, limits=RECORDING).channels == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_comes_to_a_sample_is_refused_within_ten_seconds(name: str) -> None:
    refused(endless(name, LARGE_BYTES), ENDS_S)


@pytest.mark.slow
def test_a_live_stream_is_no_way_around() -> None:
    pieces = cut(BOMBS["webm_zlib"](), 200_000)
    with within(ENDS_S), pytest.raises(AudioError):
        list(decoded(pieces, StreamFormat("webm"), 60.0))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_bombs_side_by_side_take_no_gigabyte_and_of_the_service_itself_hardly_anything() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_ONE_GIBIBYTE, *SMALL], capture_output=True, text=True, check=True, timeout=300
    )
    count, grown_kib = map(int, done.stdout.split())
    assert count == 2 * len(SMALL)
    assert grown_kib < 20 * 1024
