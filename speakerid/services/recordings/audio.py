"""The audio of a recording: read from the store piece by piece, and the process by which it comes in."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from speakerid.audio.byte_source import ChunkedSource
from speakerid.db.repositories import recordings
from speakerid.services.engine import Engine

PIECE_BYTES = 1024 * 1024
PROC = Path("/proc")
STARTED = 19  # of the fields behind the name in /proc/PID/stat: field 22, proc_pid_stat(5)
ENDED = "ZX"  # states of a process that only its parent still remembers


class AudioGone(Exception):
    """The recording was erased while it was read."""


def stored(engine: Engine, key: int, size: int) -> ChunkedSource:
    """Reading it raises AudioGone."""

    def load(nth: int) -> bytes:
        with engine.read() as db:
            piece = recordings.piece(db, key, nth)
        if piece is None:
            raise AudioGone
        return piece

    return ChunkedSource(size, PIECE_BYTES, load)


def this_process() -> str:
    """At most 64 characters."""
    return f"{_machine()}/{os.getpid()}/{_started(os.getpid())}"


def is_gone(receiver: str | None) -> bool:
    """Whether it was a process of this machine that has ended; False where that cannot be known from here."""
    machine, _, process = (receiver or "").partition("/")
    pid, _, started = process.partition("/")
    if machine != _machine() or not pid.isdecimal() or not started:
        return False
    return _started(int(pid)) != started


def _machine() -> str:
    """The same for processes that see each other: one boot, one namespace of process ids. Empty without /proc."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text()
        return hashlib.sha256((boot + str((PROC / "self/ns/pid").readlink())).encode()).hexdigest()[:16]
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When the process began, in ticks since boot: process ids are used again. Empty when it is gone."""
    try:
        state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return "" if state in ENDED else fields[STARTED - 1]
    except (OSError, ValueError, IndexError):
        return ""
