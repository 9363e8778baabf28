"""The process that decoding children are forked from: everything is imported, one thread, nothing decoded in it.

`python -m speakerid.audio.children.template FD`: requests of a fixed size come over the socket FD, each gets one
answer. FORK brings a socket along and is answered with the child's process id; END with how that child ended, which
is killed if it still runs. Only this process knows that an id is still its child's, so no other can be hit.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys

from speakerid.audio.children import worker
from speakerid.audio.children.wire import ANSWER, FORK, REQUEST, UNKNOWN

ORPHANED_S = 2.0  # between two looks whether the service is still there


def main(control: socket.socket) -> None:
    gc.collect()
    gc.freeze()  # pages of living objects stay shared
    service, children = os.getppid(), set[int]()
    try:
        while os.getppid() == service:
            if not select.select([control], [], [], ORPHANED_S)[0]:
                continue
            request, files, _, _ = socket.recv_fds(control, REQUEST.size, 1)
            if len(request) < REQUEST.size:
                return
            verb, pid = REQUEST.unpack(request)
            control.sendall(ANSWER.pack(_fork(control, files[0], children) if verb == FORK else _end(pid, children)))
    except OSError:
        return  # the service is gone
    finally:
        for pid in list(children):
            _end(pid, children)


def _fork(control: socket.socket, file: int, children: set[int]) -> int:
    template = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            control.close()
            worker.serve(socket.socket(fileno=file), template)
        finally:
            os._exit(0)
    os.close(file)
    children.add(pid)
    return pid


def _end(pid: int, children: set[int]) -> int:
    """As `os.waitpid` gives it."""
    if pid not in children:
        return UNKNOWN
    children.discard(pid)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
