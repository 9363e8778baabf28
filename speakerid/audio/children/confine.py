"""What a decoding child may use: memory by the size of its file, computing time by what it delivers, no files.

The kernel keeps the limits, so they hold inside FFmpeg too: a lack of memory fails an allocation, and a timer that
counts computing alone ends the process with SIGPROF. (RLIMIT_CPU would count in whole seconds.)
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path

MEMORY_BYTES = 96 * 1024 * 1024  # for decoding anything
MEMORY_PER_BYTE = 2  # of the file: FFmpeg's index of small packets, pictures in tags
MAX_MEMORY_BYTES = 256 * 1024 * 1024  # the index of 12 hours of AAC takes 54 MB
KEPT_BYTES = 32 * 1024 * 1024  # a child that has grown by more is not used again
CPU_S = 1.0  # before the first sample; an ordinary file opens in 0.01
CPU_PER_BYTE_S = 0.015 / 1024**2  # of the file: the 8 MB of tables of 12 hours of AAC take 0.12
MAX_CPU_S = 10.0
CPU_PER_AUDIO_S = 0.06  # 17 times faster than it is spoken; stereo AAC at 48 kHz takes 0.005, short Opus packets 0.02
CPU_PER_ASK_S = 0.0002  # live audio may come in very small messages
MAX_FILES = 16
_PR_SET_PDEATHSIG = 1
_LINUX = sys.platform == "linux"


def confine(parent: int) -> None:
    """Confine this process for good, right after the fork from `parent`.

    On other systems than Linux memory has no limit.
    """
    _end_with(parent)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))


def _end_with(parent: int) -> None:
    """End with `parent`, also while FFmpeg computes; when memory is short, this process goes before the service."""
    if not _LINUX:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


class Budget:
    """Memory and computing time of one job: on `size` bytes, in a process that started with `born_bytes` of memory."""

    def __init__(self, size: int, born_bytes: int) -> None:
        self._kept = born_bytes + KEPT_BYTES
        allowed = min(MEMORY_BYTES + MEMORY_PER_BYTE * size, MAX_MEMORY_BYTES)
        if _LINUX:
            _set_limit(resource.RLIMIT_DATA, self._kept + allowed)
        self._until_s = time.process_time() + min(CPU_S + CPU_PER_BYTE_S * size, MAX_CPU_S)
        self._set()

    def delivered(self, audio_s: float) -> None:
        self._until_s += CPU_PER_AUDIO_S * audio_s
        self._set()

    def asked(self) -> None:
        self._until_s += CPU_PER_ASK_S
        self._set()

    def end(self) -> None:
        """The job is done; what follows is the next one's."""
        signal.setitimer(signal.ITIMER_PROF, 0.0)

    def has_grown(self) -> bool:
        return memory_bytes() > self._kept

    def _set(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, max(self._until_s - time.process_time(), 0.001))


def _set_limit(what: int, wanted: int) -> None:
    """The soft limit, never above the hard one."""
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def memory_bytes() -> int:
    """What RLIMIT_DATA counts: private pages that can be written, resident or not."""
    if not _LINUX:
        return 0
    return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
