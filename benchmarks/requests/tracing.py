"""CPU time of the parts of a request: each is a few functions of the package, wrapped, without what is an inner part's.

Clocks of threads and of child processes: what others do on the machine adds nothing. A function that became another
one fails here, so that the table never leaves out a part in silence.
"""

from __future__ import annotations

import functools
import importlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

RECEIVE = "receive, parse, send"
ROUTE = "middleware, route, hand-over to threads"
CHILD = "decode, in the child process"
LATER = "access log, written later"
REST = "threads, what no part has"

# part: functions as `module:name`, the name with a dot for a method.
PARTS: dict[str, tuple[str, ...]] = {
    "key and gallery (SQL)": ("speakerid.api.auth:_looked_up", "speakerid.services.galleries:get"),
    "decode": ("speakerid.audio.decode:decode",),
    "mix, resample": ("speakerid.audio.conditioning:Collector.add", "speakerid.audio.conditioning:Collector.finish"),
    "high-pass": ("speakerid.audio.decode:high_pass",),
    "voice activity": ("speakerid.audio.vad:SileroVad.speech_segments",),
    "quality": ("speakerid.audio.decode:measure", "speakerid.audio.decode:clipping_ratio"),
    "digest": ("speakerid.services.probe:_digest",),
    "encoder, its queue": ("speakerid.encoders.batching:Batcher.embed", "speakerid.encoders.batching:Batcher._serve"),
    "index": ("speakerid.index.faiss:FaissFlatIndex.search",),
    "index follows (SQL)": ("speakerid.services.index_sync:IndexSync.catch_up",),
    "shortlist (SQL)": ("speakerid.services.identify:nearest",),
    "decision": ("speakerid.services.identify:judge",),
    "rest of the service": ("speakerid.services.identify:identify",),
    "parameters, serialization": (
        "fastapi._compat.v2:ModelField.validate",
        "fastapi._compat.v2:ModelField.serialize_json",
    ),
    "figures and log": ("speakerid.api.observation:Observation._note", "speakerid.api.observation:Observation._log"),
    LATER: ("speakerid.services.bookkeeping:Bookkeeper.turn",),
}
FORWARD = {"voice activity": "voice activity, forward"}
ENCODER_FORWARD = "encoder, forward"


class PartClock:
    def __init__(self) -> None:
        self._local = threading.local()
        self._lock = threading.Lock()
        self._parts: Counter[str] = Counter()  # ns

    def take(self) -> dict[str, int]:
        """Nanoseconds by part since the last time."""
        with self._lock:
            taken, self._parts = self._parts, Counter()
        return dict(taken)

    def add(self, part: str, spent_ns: int) -> None:
        with self._lock:
            self._parts[part] += spent_ns

    @contextmanager
    def within(self, part: str) -> Any:
        """What this thread computes in the block is the part's, but for parts inside."""
        stack = self._stack()
        self._switch(stack)
        stack.append(part)
        try:
            yield
        finally:
            self._switch(stack)
            stack.pop()

    def now(self) -> str | None:
        stack = self._stack()
        return stack[-1] if stack else None

    def _stack(self) -> list[str]:
        if not hasattr(self._local, "stack"):
            self._local.stack, self._local.at = list[str](), 0
        found: list[str] = self._local.stack
        return found

    def _switch(self, stack: list[str]) -> None:
        now = time.thread_time_ns()
        if stack:
            self.add(stack[-1], now - self._local.at)
        self._local.at = now


def trace(clock: PartClock) -> None:
    """Wrap what PARTS names, and the forward passes of graphs. For a process that does nothing else."""
    for part, places in PARTS.items():
        for place in places:
            wrap(clock, place, lambda *_, part=part: part)
    wrap(
        clock,
        "speakerid.onnx_session:InferenceSession.run",
        lambda *_: FORWARD.get(clock.now() or "", ENCODER_FORWARD),
    )


def wrap(clock: PartClock, place: str, part: Callable[..., str]) -> None:
    module_name, _, name = place.partition(":")
    owner: Any = importlib.import_module(module_name)
    *outer, last = name.split(".")
    for one in outer:
        owner = getattr(owner, one)
    wrapped = getattr(owner, last)

    @functools.wraps(wrapped)
    def timed(*args: Any, **options: Any) -> Any:
        with clock.within(part(*args)):
            return wrapped(*args, **options)

    setattr(owner, last, timed)


def children_ns(pids: Iterable[int]) -> int:
    """CPU time of other processes so far; 0 of those that have ended."""
    found = 0
    for pid in pids:
        with suppress(OSError):
            found += time.clock_gettime_ns((~pid << 3) | 2)  # the CPU clock of a process (Linux, clock_getcpuclockid)
    return found


def descendants(pid: int) -> list[int]:
    """Of a process, from what each process names as its parent."""
    parents: dict[int, int] = {}
    for one in Path("/proc").iterdir():
        if one.name.isdigit():
            with suppress(OSError):
                parents[int(one.name)] = int((one / "stat").read_text().rpartition(")")[2].split()[1])
    found, at = [pid], 0
    while at < len(found):
        found += [child for child, parent in parents.items() if parent == found[at]]
        at += 1
    return [one for one in found[1:] if one != os.getpid()]
