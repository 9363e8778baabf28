"""`speakerid` as pages call it, forked from a process that has imported everything: starts take a fifth of the time.

The command in the reader's folder hands its arguments, environment, folder and files over; what runs is the real one.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

LOADED = (
    *("speakerid.cli.main", "speakerid.bootstrap", "speakerid.services.identify", "speakerid.services.enroll"),
    *("speakerid.client.client", "speakerid.services.recordings.worker", "faiss", "alembic.command"),
)
OF_EXTRAS = ("sklearn.linear_model", "matplotlib.pyplot")
# Python without its site packages starts in 20 ms.
COMMAND = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({address!r})
    message = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(asked, [len(message).to_bytes(8, "big")], [0, 1, 2])
    asked.sendall(message)
    sys.exit(int(asked.makefile().readline() or 1))
"""


@contextmanager
def forked_command(folder: Path) -> Iterator[Path]:
    """The path of a `speakerid` that works as long as the block runs."""
    address = str(folder / "socket")
    command = folder / "speakerid"
    command.write_text(COMMAND.format(python=sys.executable, address=address), encoding="utf-8")
    command.chmod(0o700)
    with subprocess.Popen([sys.executable, "-m", __name__, address], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == b"ready\n"
            yield command
        finally:
            child.terminate()


def serve(address: str) -> None:
    """One child for each command, one command after another."""
    for name in LOADED + tuple(one for one in OF_EXTRAS if find_spec(one.partition(".")[0])):
        import_module(name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        os.write(1, b"ready\n")
        while True:
            asked, _ = listening.accept()
            if os.fork() == 0:
                _answer(asked)
            asked.close()
            _reap()


def _reap() -> None:
    """Children that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _answer(asked: socket.socket) -> None:
    """Run the command in a child of this one, and say how it ended. Never returns."""
    size, files, _, _ = socket.recv_fds(asked, 8, 3)
    with asked.makefile("rb") as message:
        arguments, folder, environment = json.loads(message.read(int.from_bytes(size, "big")))
    child = os.fork()
    if child == 0:
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        _run(arguments)
    _, status = os.waitpid(child, 0)
    asked.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(arguments: list[str]) -> None:
    """As the console script does. Never returns."""
    from speakerid.cli import main  # loaded long ago

    sys.argv = ["speakerid", *arguments]
    code = 1
    try:
        main.app(prog_name="speakerid")
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
