"""The real service as a child process on loopback, to be attacked: started, asked, killed, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.attack.processes import memory_bytes, tree
from speakerid.cli.server.child_server import plain_environment, stop, wait_for_url

ANSWER_S = 60.0
SERVE = ("-m", "speakerid.cli", "serve", "--host", "127.0.0.1", "--port", "0")


@dataclass(frozen=True)
class Service:
    """One that runs."""

    url: str
    pid: int
    log: Path  # its stderr
    process: subprocess.Popen[str]

    def client(self, timeout_s: float = ANSWER_S) -> httpx.Client:
        return plain_client(self.url, timeout_s)

    def alive(self) -> bool:
        return self.process.poll() is None

    def ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            with self.client(10.0) as client:
                return client.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def tracebacks(self) -> int:
        """How many unforeseen errors its log holds."""
        return self.log.read_text(errors="replace").count("Traceback (most recent call last)")

    def memory_mib(self) -> float:
        """Resident, with all its workers."""
        return memory_bytes(self.pid) / 2**20


@contextmanager
def serving(store: Path, encoder: str = "fake", before: Sequence[str] = (), **settings: object) -> Iterator[Service]:
    """A service over `store`, until the block ends. `before`: a command that runs it, such as strace with options.

    `settings` are those of the service in lower case. Its own child processes are ended with it.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
    log = store.with_name("service.log")
    command = [*before, sys.executable, *SERVE, "--store", str(store), "--encoder", encoder]
    with log.open("a") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(settings))
    started: list[int] = []
    try:
        url = wait_for_url(process)
        started = tree(process.pid)
        yield Service(url, process.pid, log, process)
        started = tree(process.pid)
    finally:
        stop(process)
        end(started)


def plain_client(url: str, timeout_s: float) -> httpx.Client:
    """Asks the service itself, whatever proxies the environment names; loads no certificates, which takes 50 ms."""
    return httpx.Client(base_url=url, timeout=timeout_s, trust_env=False, verify=False)


@contextmanager
def folder() -> Iterator[Path]:
    """A place for a store that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="speakerid-attack-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def environment(settings: Mapping[str, object]) -> dict[str, str]:
    """This process's own, with `settings` as the service's only settings."""
    return plain_environment() | {f"SPEAKERID_{name.upper()}": str(value) for name, value in settings.items()}


def end(pids: Sequence[int]) -> None:
    """Kill what is left of these. They were the service's a moment ago, so no number was given to others yet."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def until(seconds: float, check: Callable[[], object], pause_s: float = 0.05) -> bool:
    """Ask `check()` again and again. Whether it was ever true."""
    deadline = time.monotonic() + seconds
    while not (found := bool(check())) and time.monotonic() < deadline:
        time.sleep(pause_s)
    return found
