"""What a long recording costs: the command itself, on hours of made conversation.

python -m benchmarks.recordings.long_recording --speech ../shared/speech --hours 2
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import soundfile

from benchmarks.recordings.cases import COUNT, SEED
from recipes.simulation.conversations import cast_to_measure, conversations
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

KIB_PER_MIB = 1024
# The process reports itself what it took: ru_maxrss of a child begins with what its parent held.
MEASURED = """
import atexit, json, re, time
from pathlib import Path
from speakerid.cli.main import app

def write() -> None:
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    Path({cost!r}).write_text(json.dumps([time.process_time(), int(peak[1])]))

atexit.register(write)
app()
"""


@dataclass(frozen=True)
class LongCost:
    """Of a recording of `seconds`, by the command itself."""

    seconds: float
    turns: int
    voices: int
    cpu_s: float
    peak_mib: float

    @property
    def times_real_time(self) -> float:
        return self.seconds / self.cpu_s

    def __str__(self) -> str:
        return (
            f"{self.seconds / 3600:.2f} hours of wav, {self.turns} turns, {self.voices} voices: {self.cpu_s:.0f} s of "
            f"CPU, {self.times_real_time:.0f} x real time, peak memory {self.peak_mib:.0f} MiB"
        )


def write_repeated(pieces: Iterable[FloatArray], seconds: float, file: Path) -> None:
    """`pieces` again and again, as 16-bit samples."""
    once, left = list(pieces), int(seconds * SAMPLE_RATE_HZ)
    with soundfile.SoundFile(file, "w", SAMPLE_RATE_HZ, 1, subtype="PCM_16") as out:
        while left > 0:
            for piece in once:
                out.write(piece[:left])
                left -= len(piece)
                if left <= 0:
                    return


def measure(speech: Path, encoder: str, hours: float) -> LongCost:
    with tempfile.TemporaryDirectory() as folder:
        cost, file, answer = Path(folder) / "cost", Path(folder) / "long.wav", Path(folder) / "answer.json"
        talks = conversations(cast_to_measure(speech), COUNT, SEED)
        write_repeated((one.samples for one in talks), hours * 3600.0, file)
        measured = [sys.executable, "-c", MEASURED.format(cost=str(cost))]
        work = ["recording", str(file), "--out", str(answer)]
        where = ["--store", str(Path(folder) / "voices.db"), "--encoder", encoder]
        made = [sys.executable, "-m", "speakerid.cli", "db", "upgrade"]
        subprocess.run([*made, *where[:2]], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*measured, *work, *where], check=True, stdout=subprocess.DEVNULL)
        found = json.loads(answer.read_text(encoding="utf-8"))
        cpu_s, peak_kib = json.loads(cost.read_text())
    return LongCost(found["seconds"], len(found["turns"]), len(found["voices"]), cpu_s, peak_kib / KIB_PER_MIB)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure time and memory of one long recording.")
    parser.add_argument("--speech", type=Path, required=True, help="a folder with librispeech and noise")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--encoder", default="default")
    options = parser.parse_args(arguments)
    sys.stdout.write(f"{measure(options.speech, options.encoder, options.hours)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
