"""Identifies beside a recording that the service works on: their latency with and without one, in turns.

    OMP_NUM_THREADS=1 python -m benchmarks.recordings.beside --speech ../shared/speech

Service and asker share two cores of this machine, whatever else it does. One identify follows the other, over loopback.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.recordings.cases import COUNT, SEED
from benchmarks.requests.material import recordings
from recipes.simulation.conversations import cast_to_measure, conversations
from speakerid import samples
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.cli.server.child_server import running
from speakerid.client import Client, ClientError

CORES = 2
ROUNDS = 5
MINUTES = 10.0
MOST = 150  # identifies of one round beside a recording
ALONE = 100  # of one round without
BETWEEN_LOOKS = 10  # identifies from one look at the recording to the next
LOOK_S = 0.2
PATIENCE_S = 300.0


@dataclass
class Latencies:
    beside_ms: list[float] = field(default_factory=list)
    alone_ms: list[float] = field(default_factory=list)

    def ratio(self, q: int) -> float:
        """Of the percentile `q` with a recording to that without."""
        return _percentile(self.beside_ms, q) / _percentile(self.alone_ms, q)

    def report(self) -> str:
        columns = {"with a recording": self.beside_ms, "without": self.alone_ms}
        rows = [
            f"{name:18}{len(took):6d} identifies, ms: "
            f"p50 {_percentile(took, 50):6.1f}   p95 {_percentile(took, 95):6.1f}"
            for name, took in columns.items()
        ]
        ratios = [f"p{q} {self.ratio(q):.2f}" for q in (50, 95)]
        return "\n".join([*rows, f"{'ratio':18}{'   '.join(ratios)}"])


def _percentile(took: Sequence[float], q: int) -> float:
    return float(np.percentile(took, q))


class Asker:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._audio = recordings()["WAV 16 kHz"]
        self._asked = 0

    def ask(self, times: int) -> list[float]:
        """Milliseconds of each."""
        took = []
        for _ in range(times):
            audio = self._audio[self._asked % len(self._audio)]
            began = time.perf_counter()
            self._client.identify(audio)
            took.append(1000.0 * (time.perf_counter() - began))
            self._asked += 1
        return took

    def ask_beside(self, recording: Path) -> list[float]:
        """While it is worked on; the rest of it is not waited for."""
        sent = self._client.send_recording(recording).id
        self._until(lambda: self._client.recording_job(sent).progress > 0.0)
        took = list[float]()
        while self._client.recording_job(sent).state == "running" and len(took) < MOST:
            took += self.ask(BETWEEN_LOOKS)
        with suppress(ClientError):  # it has ended
            self._client.cancel_recording(sent)
        self._until(lambda: self._client.recording_job(sent).state != "running")
        return took

    def _until(self, holds: Callable[[], bool]) -> None:
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > PATIENCE_S:
                raise SystemExit("The recording does not go on.")
            time.sleep(LOOK_S)


def measured(url: str, recording: Path, rounds: int) -> Latencies:
    found = Latencies()
    with Client(url) as client:
        for name, voice in samples.voices().items():
            client.enroll(name, *voice.enroll)
        asker = Asker(client)
        asker.ask(BETWEEN_LOOKS)
        asker.ask_beside(recording)  # the first one begins a process
        for _ in range(rounds):
            found.beside_ms += asker.ask_beside(recording)
            found.alone_ms += asker.ask(ALONE)
    return found


def measure(speech: Path, encoder: str, rounds: int, minutes: float) -> Latencies:
    """Keeps this process, and those that it starts, on CORES."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:CORES]))
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "talk.flac"
        write_conversation(speech, 60.0 * minutes, recording)
        with running(Path(folder) / "voices.db", encoder) as url:
            return measured(url, recording, rounds)


def write_conversation(speech: Path, seconds: float, file: Path) -> None:
    talks = [one.samples for one in conversations(cast_to_measure(speech), COUNT, SEED)]
    soundfile.write(file, np.concatenate(talks)[: int(seconds * SAMPLE_RATE_HZ)], SAMPLE_RATE_HZ)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True, help="a folder with librispeech and noise")
    parser.add_argument("--encoder", default="default")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of the recording")
    options = parser.parse_args(arguments)
    found = measure(options.speech, options.encoder, options.rounds, options.minutes)
    sys.stdout.write(found.report() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
