"""What a program and its children do outside themselves, seen in their system calls by strace."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.waiting import until

CALLS = "trace=%network,%file,ftruncate"
RESOLVER = {"/etc/resolv.conf", "/etc/hosts"}  # read whenever the C library looks up a name
NOT_ON_DISK = ("/dev/null", "/dev/tty", "/dev/pts/", "/memfd:", "/proc/self/")
CHANGING = {
    "creat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
    "mknod", "mknodat", "unlink", "unlinkat", "rmdir", "truncate", "ftruncate", "chmod", "fchmodat", "utimensat",
}  # fmt: skip
SENDING = {"connect", "sendto", "sendmsg", "sendmmsg"}
WRITING = re.compile(r"\bO_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)\b")
LOOPBACK = re.compile(r'inet_addr\("127\.|inet_pton\(AF_INET6, "(::1|::ffff:127\.[\d.]+)"')
PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|\?)(.*)")
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
WHERE = re.compile(r'(?:AT_FDCWD|\d+)<([^>]*)>, ("(?:[^"\\]|\\.)*")')
HANDLE = re.compile(r"\d+<(/[^>]*)>")


@dataclass(frozen=True)
class Seen:
    """Each line is the system call itself."""

    lookups: list[str] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)  # to anything but loopback
    changes: list[tuple[Path, str]] = field(default_factory=list)  # files and folders made, written or removed

    def changed_outside(self, *places: Path) -> dict[Path, str]:
        """`places` are folders, or files with what SQLite keeps beside them."""
        return {path: call for path, call in self.changes if not any(_is_in(path, place) for place in places)}


def _is_in(path: Path, place: Path) -> bool:
    beside = {place.with_name(place.name + suffix) for suffix in ("-wal", "-shm", "-journal")}
    return path == place or path in beside or place in path.parents


@cache
def why_not() -> str | None:
    """The reason why nothing can be traced here, if there is one."""
    strace = shutil.which("strace")
    if strace is None:
        return "needs strace: apt-get install strace"
    ran = subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True, text=True)
    return f"strace may not trace here: {ran.stderr.strip()}" if ran.returncode else None


def traced(command: Sequence[str], folder: Path) -> list[str]:
    """The command that runs `command` as the same process, while its system calls are written to `folder`."""
    # -D: the program is the direct child and gets the signals; -ff: a file a process, so no call is cut in two;
    # --seccomp-bpf: calls that nobody asked for do not stop it.
    shown = ["-y", "-s", "4096", "-e", CALLS, "-o", str(folder / "calls")]
    return ["strace", "-D", "-ff", "--seccomp-bpf", *shown, *command]


def read(folder: Path) -> Seen:
    """Waits for the last line of each process."""
    seen = Seen()
    for file in sorted(folder.iterdir()):
        for line in _ended(file):
            _note(seen, line)
    return seen


def _ended(file: Path) -> list[str]:
    """Raises AssertionError where the program still runs."""
    lines = list[str]()

    def has_an_end() -> bool:
        lines[:] = file.read_text(encoding="utf-8", errors="replace").splitlines()
        return bool(lines) and lines[-1].startswith("+++")

    until(has_an_end)
    return lines


def _note(seen: Seen, line: str) -> None:
    found = CALL.match(line)
    if found is None:
        return
    name, arguments, result = found.group(1), found.group(2), found.group(3)
    if name in SENDING and "sa_family=" in arguments and not _is_local(arguments):
        seen.connections.append(line)
    if result.startswith("-"):
        return
    paths = list(_paths(name, arguments))
    if RESOLVER & {str(path) for path in paths}:
        seen.lookups.append(line)
    if name in CHANGING or (name in ("open", "openat") and WRITING.search(TEXT.sub("", arguments))):
        seen.changes.extend((path, line) for path in paths if not str(path).startswith(NOT_ON_DISK))


def _is_local(arguments: str) -> bool:
    """Whether the address is loopback, and not the name server of this machine."""
    port = PORT.search(arguments)
    return bool(LOOPBACK.search(arguments)) and (port is None or port.group(1) != "53")


def _paths(name: str, arguments: str) -> Iterator[Path]:
    """Every path that the call names, absolute: -y writes the folder behind each handle."""
    if name == "ftruncate":
        yield from map(Path, HANDLE.findall(arguments))
        return
    named = WHERE.findall(arguments)
    for folder, text in named:
        yield Path(os.path.normpath(Path(folder) / _plain(text)))
    if not named:
        yield from (Path(os.path.normpath(_plain(text))) for text in TEXT.findall(arguments)[:2] if name != "execve")


def _plain(text: str) -> str:
    """strace quotes bytes as C does, which Python reads."""
    return os.fsdecode(ast.literal_eval("b" + text))
