"""A limit that ends what takes too much, and says so."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.attack import memory
from benchmarks.attack.memory import limited
from tests.waiting import PATIENCE_S, until

MIB = 2**20
TAKE = "import sys; held = bytearray(int(sys.argv[1])); held[::4096] = b'x' * len(held[::4096]); sys.stdin.read()"
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("ours", [False, True], ids=["the kernel's if it may be set", "ours"])
@pytest.mark.parametrize(("takes", "killed"), [(20 * MIB, False), (400 * MIB, True)])
def test_only_what_takes_more_is_ended(monkeypatch: pytest.MonkeyPatch, ours: bool, takes: int, killed: bool) -> None:
    if ours:
        monkeypatch.setattr(memory, "_new_group", lambda limit_bytes: None)
    with limited(150 * MIB) as limit:
        command = [*limit.before, sys.executable, "-c", TAKE, str(takes)]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process, limit.watch(process.pid):
            until(lambda: process.poll() is not None if killed else limit.peak_bytes > takes)
            process.communicate(timeout=PATIENCE_S)
    assert (process.returncode != 0, limit.killed > 0) == (killed, killed)
    assert limit.peak_bytes > (5 * MIB if killed else takes)
