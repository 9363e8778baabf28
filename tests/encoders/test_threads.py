"""What front ends cost besides their own thread."""

from __future__ import annotations

import os
import subprocess
import sys


def test_front_ends_leave_the_other_cores_alone() -> None:
    """Threads of the BLAS wait for work by spinning: they doubled what a request costs."""
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    code = """
import time
import numpy as np
from speakerid.audio.conditioning import high_pass
from speakerid.encoders.fbank import log_mel
samples = np.random.default_rng(0).standard_normal(48_000).astype(np.float32)
for front_end in (high_pass, lambda waveform: log_mel(waveform, 16_000, window="povey")):
    front_end(samples)
    begun = time.process_time(), time.thread_time()
    for _ in range(20):
        front_end(samples)
    assert time.process_time() - begun[0] < 1.2 * (time.thread_time() - begun[1]), front_end
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=free)
