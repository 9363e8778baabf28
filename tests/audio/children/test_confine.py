"""The computing time of one job is none of the next one's."""

from __future__ import annotations

import subprocess
import sys

import pytest

BUSY = """
import time
from speakerid.audio.children import confine
confine.CPU_S = 0.2
budget = confine.Budget(0, confine.memory_bytes())
if {end}:
    budget.end()
until = time.process_time() + 1.0
while time.process_time() < until:
    pass
print("alive")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="without timers of computing")
@pytest.mark.parametrize(("end", "output"), [(True, "alive\n"), (False, "")])
def test_a_job_that_is_over_limits_nothing(end: bool, output: str) -> None:
    ran = subprocess.run([sys.executable, "-c", BUSY.format(end=end)], capture_output=True, text=True, check=False)
    assert ran.stdout == output, ran.stderr
