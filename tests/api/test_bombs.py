"""A service under a memory limit of 1 GB answers bombs with named errors and honest callers meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audio.bombs import BOMBS, PASSED_OVER, SMALL

ENDS_S = 10.0
SLOW = pytest.mark.slow
LARGE = sorted(set(BOMBS) - set(SMALL))  # in two processes, whose client holds every file a second time


def bombed(store: Path, *names: str) -> dict[str, list[float | int | str]]:
    """Of each request in order: status, code, seconds of computing meanwhile."""
    files = [store.with_name(name) for name in names]
    for file in files:
        file.write_bytes(BOMBS[file.name]())
    done = subprocess.run(
        [sys.executable, "-m", "tests.api.bombed", str(store), *map(str, files)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found: dict[str, list[float | int | str]] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
@pytest.mark.parametrize("names", [SMALL, pytest.param(LARGE[::2], marks=SLOW), pytest.param(LARGE[1::2], marks=SLOW)])
def test_every_bomb_is_refused_while_others_are_answered(tmp_path: Path, names: list[str]) -> None:
    found = bombed(tmp_path / "voices.db", *names)
    assert {name: answer for name, answer in found.items() if answer[0] not in (413, 415, 422, 200)} == {}
    assert {name: answer for name, answer in found.items() if float(answer[2]) > ENDS_S} == {}
    bombs = [name for name in names if name != PASSED_OVER]
    assert {found[f"identify {name}"][0] for name in bombs} <= {415, 422}
    assert [answer[0] for name, answer in found.items() if name.startswith("honest")] == [200] * len(names)
    ended = {found[f"recording {name}"][1] for name in bombs}
    assert ended.isdisjoint({"internal_error", "done"})
    if PASSED_OVER in names:
        assert [found[f"{how} {PASSED_OVER}"][:2] for how in ("identify", "recording")] == [[200, ""], [200, "done"]]
