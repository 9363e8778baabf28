"""References in files are never followed: no file is opened and no connection made for any of them.

With strace every opened file and every connection of the service and its children is seen; without it, what /proc
shows of open files now and then, and a listener that should never be called.
"""

from __future__ import annotations

import re
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import httpx

import speakerid
from benchmarks.attack.figures import Figure, at_least, at_most, first, reported
from benchmarks.attack.processes import open_targets, tree
from benchmarks.attack.service import Service, folder, serving
from benchmarks.attack.speech import VOICES, container
from benchmarks.attack.tricks import Canary, tricks

LEAST = 199
GALLERY = "/v1/galleries/default"
SAMPLE_S = 0.005
# What a Python process opens to run: its own code, the libraries and the kernel's view of itself.
OWN = (
    *(sys.prefix, sys.base_prefix, str(Path(speakerid.__file__).parents[1])),
    *("/proc/", "/sys/", "/dev/", "/usr/", "/lib", "/etc/ld.so", "/etc/localtime"),
)
OPENED = re.compile(r"^\d+ +([\d.]+) open(?:at2?)?\((?:[^,\"]*, )?\"([^\"]*)\"")
CONNECTED = re.compile(r"^\d+ +([\d.]+) (?:connect|sendto)\(\d+, .*?(sa_family=\w+[^}]*)")


@dataclass
class ReferenceFindings:
    kind: str
    files: set[str] = field(default_factory=set)
    sockets: list[str] = field(default_factory=list)
    calls: int = 0  # at the listener


def measure() -> Iterator[Figure]:
    begun = time.monotonic()
    statuses: list[int] = []
    with folder() as place, _listening() as (listener, calls):
        canary = Canary(place / "canary" / "secret.wav", listener)
        canary.file.parent.mkdir()
        canary.file.write_bytes(container("wav-s16", VOICES[0]))
        store = place / "store" / "voices.db"
        trace = place / "trace.txt"
        traced = shutil.which("strace") is not None
        with serving(store, before=_strace(trace) if traced else ()) as service:
            _warm(service)
            since = time.time()
            found = ReferenceFindings("strace" if traced else "/proc and a listener")
            with _sampling(service, found, store) if not traced else _nothing():
                statuses = _send_all(service, canary)
            until = time.time()
            alive = service.ready()
        if traced:
            _read_trace(trace, since, until, store, found)
        found.calls = calls[0]
    yield at_least("references: tricks", len(statuses), LEAST, note=f"watched by {found.kind}")
    yield at_most("references: files opened", len(found.files), note=first(sorted(found.files)))
    yield at_most("references: connections made", len(found.sockets), note=first(found.sockets))
    yield at_most("references: calls at the listener", found.calls)
    yield at_most("references: 5xx", sum(status >= 500 for status in statuses))
    yield at_least("references: alive and ready afterwards", int(alive), 1)
    yield reported("references: took", time.monotonic() - begun, "s")


def _send_all(service: Service, canary: Canary) -> list[int]:
    """Every trick to identify, every third as a recording too, that is worked on to its end."""
    statuses = []
    with service.client() as client:
        for nth, (_, data) in enumerate(tricks(canary)):
            statuses.append(client.post(f"{GALLERY}/identify", content=data).status_code)
            if nth % 3 == 0:
                statuses.append(_record(client, data))
    return statuses


def _record(client: httpx.Client, data: bytes) -> int:
    sent = client.post(f"{GALLERY}/recordings", content=data)
    deadline = time.monotonic() + 60.0
    while sent.status_code == 202 and time.monotonic() < deadline:
        if client.get(f"{GALLERY}/recordings/{sent.json()['id']}").json()["state"] in ("done", "failed"):
            break
        time.sleep(0.05)
    return sent.status_code


def _warm(service: Service) -> None:
    """What is loaded with the first file of a kind has nothing to do with references."""
    with service.client() as client:
        for name in ("wav-s16", "flac", "mp3", "aac", "ogg-opus", "webm-opus", "m4a-aac"):
            client.post(f"{GALLERY}/identify", content=container(name))
        client.post(f"{GALLERY}/identify", content=b"not audio")
        _record(client, container("wav-s16"))


def _strace(trace: Path) -> tuple[str, ...]:
    """-D: the service stays this process's child, strace looks on from aside; --seccomp-bpf: at these calls only."""
    calls = "trace=open,openat,openat2,connect,sendto"
    shown = ("-qq", "-ttt", "-s", "300", "-e", calls, "-e", "signal=none", "-o", str(trace))
    return ("strace", "-D", "-f", "--seccomp-bpf", *shown)


def _read_trace(trace: Path, since: float, until: float, store: Path, found: ReferenceFindings) -> None:
    for line in trace.read_text(errors="replace").splitlines():
        if (opened := OPENED.match(line)) and since <= float(opened[1]) <= until:
            if not _own(opened[2], store):
                found.files.add(opened[2])
        elif (connected := CONNECTED.match(line)) and since <= float(connected[1]) <= until:
            found.sockets.append(connected[2])


def _own(path: str, store: Path) -> bool:
    return path.startswith((*OWN, str(store.parent))) or path == ""


@contextmanager
def _sampling(service: Service, found: ReferenceFindings, store: Path) -> Iterator[None]:
    stop = Event()

    def look() -> None:
        while not stop.wait(SAMPLE_S):
            targets = {one for pid in tree(service.pid) for one in open_targets(pid)}
            found.files |= {one for one in targets if one.startswith("/") and not _own(one, store)}

    looker = Thread(target=look, daemon=True)
    looker.start()
    try:
        yield
    finally:
        stop.set()
        looker.join()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _listening() -> Iterator[tuple[int, list[int]]]:
    """A port that takes TCP and UDP, and how often it was called."""
    calls = [0]
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        stop = Event()

        def take() -> None:
            while not stop.is_set():
                for one in (tcp, udp):
                    one.settimeout(0.1)
                    try:
                        one.accept()[0].close() if one is tcp else one.recv(1)
                        calls[0] += 1
                    except TimeoutError:
                        continue

        taker = Thread(target=take, daemon=True)
        taker.start()
        try:
            yield port, calls
        finally:
            stop.set()
            taker.join()
