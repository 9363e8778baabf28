"""The real service forked from a process that has imported everything already: a start takes a tenth of the time.

For attacks that start it hundreds of times. What runs in the child is `speakerid serve`, as on the command line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import httpx

from benchmarks.attack.processes import tree
from benchmarks.attack.service import ANSWER_S, end, environment, plain_client
from speakerid.cli.server.child_server import ANNOUNCEMENT, START_S

STDOUT, STDERR = 1, 2
LOADED = [
    *("speakerid.cli.main", "speakerid.cli.serve", "speakerid.cli.server.uvicorn_server", "speakerid.api.app"),
    *("speakerid.bootstrap", "benchmarks.attack.forked"),
]


@dataclass(frozen=True)
class Forked:
    """One service that runs."""

    url: str
    process: ForkServerProcess

    def client(self) -> httpx.Client:
        return plain_client(self.url, ANSWER_S)

    def started(self) -> list[int]:
        """The processes that it has started."""
        return tree(self.process.pid or 0)[1:]

    def kill(self) -> None:
        """SIGKILL, to the service alone."""
        self.process.kill()
        self.process.join()


@dataclass(frozen=True)
class Nursery:
    """Starts services over one store. `log` is their stderr."""

    store: Path
    log: Path
    encoder: str
    context: ForkServerContext

    @contextmanager
    def serving(self) -> Iterator[Forked]:
        """A service, until it is killed or the block ends. Raises RuntimeError when it does not start."""
        announcements, its_end = self.context.Pipe(duplex=False)
        command = ("serve", "--host", "127.0.0.1", "--port", "0", "--store", str(self.store), "--encoder", self.encoder)
        process = self.context.Process(target=_serve, args=(its_end, command, str(self.log)))
        process.start()
        its_end.close()
        try:
            yield Forked(_announced(announcements), process)
        finally:
            workers = tree(process.pid or 0)
            process.kill()
            process.join()
            end(workers[1:])


def nursery(store: Path, encoder: str = "fake") -> Nursery:
    """The first start of all imports; the later ones fork."""
    context = get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return Nursery(store, store.with_name("service.log"), encoder, context)


def _announced(announcements: Connection) -> str:
    """The URL that the service prints once it accepts."""
    with announcements, os.fdopen(os.dup(announcements.fileno())) as printed:
        line = printed.readline() if announcements.poll(START_S) else ""
    if not line.startswith(ANNOUNCEMENT):
        raise RuntimeError("the service did not start; its log says why")
    return line.removeprefix(ANNOUNCEMENT).strip()


def _serve(announcements: Connection, command: Sequence[str], log: str) -> None:
    """In the child: `speakerid serve …` with its stdout and stderr where the parent wants them."""
    from speakerid.cli.main import app

    plain = environment({})
    os.environ.clear()
    os.environ.update(plain)
    errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(announcements.fileno(), STDOUT)
    os.dup2(errors, STDERR)
    app(list(command))
