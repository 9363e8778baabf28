"""What the training commands say to the terminal."""

from __future__ import annotations

import sys


def say(line: str, end: str = "\n") -> None:
    sys.stdout.write(line + end)
    sys.stdout.flush()
