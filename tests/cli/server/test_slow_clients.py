"""The real service under a low limit of open files, with more idle connections than that, and slow ones."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from speakerid.cli.server.connections import RESERVED_FILES
from tests.cli.command import Command
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow
CONNECTIONS = 80
FILES = RESERVED_FILES + CONNECTIONS
SLOW = b"POST /v1/galleries/default/identify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nR"


@contextmanager
def serving(command: Command) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process and its port."""
    serve = [sys.executable, "-m", "speakerid.cli", "serve", "--encoder", "fake", "--port", "0"]
    limited = ["sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh", *serve, "--store", str(command.store)]
    with subprocess.Popen(limited, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline().rpartition(":")[2])
        finally:
            process.kill()


def ended(connection: socket.socket) -> bool:
    """Whether the service closed it."""
    connection.setblocking(False)
    try:
        return connection.recv(4096) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_idle_and_slow_clients_go_and_honest_ones_are_served(enrolled: Command) -> None:
    with serving(enrolled) as (process, port), ExitStack() as opened:

        def connect() -> socket.socket:
            return opened.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))

        slow = connect()
        slow.sendall(SLOW)
        idle = [connect() for _ in range(3 * CONNECTIONS)]
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_S)
        assert answer.status_code == 200
        assert sum(ended(one) for one in idle) >= 2 * CONNECTIONS - 1  # the oldest made room
        until(lambda: all(map(ended, idle)))  # without a deadline for heads they would stay
        slow.settimeout(PATIENCE_S)
        assert slow.recv(4096).startswith(b"HTTP/1.1 408")
        until(lambda: ended(slow))
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")  # above all no "Too many open files"
