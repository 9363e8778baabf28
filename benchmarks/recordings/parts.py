"""What a recording costs, part by part: CPU time of a made conversation, a made telephone call and a meeting.

    OMP_NUM_THREADS=1 python -m benchmarks.recordings.parts --speech ../shared/speech

Clocks of threads: what else the machine does adds nothing. Milliseconds for each minute of recording.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.recordings.cases import COUNT, SEED, Case, answered, calls, enroll, made, meetings
from benchmarks.requests.tracing import PartClock, wrap
from recipes.simulation.conversations import cast_to_measure
from speakerid.verbs import SpeakerID

REST = "decode, and the rest"
TOTAL = "all"
CONVERSATIONS, CALLS, MEETINGS = KINDS = ("conversations", "calls", "meetings")
CASES = 4  # of each kind: the last ones, which have the most speakers
PARTS: Mapping[str, tuple[str, ...]] = {
    REST: ("speakerid.verbs:SpeakerID.recording",),
    "high-pass": ("speakerid.audio.conditioning:HighPass.__call__",),
    "segmentation": ("speakerid.audio.segmentation:Segmentation.speaking",),
    "stitching, segments": (
        "speakerid.diarization.segments:Stitcher.add",
        "speakerid.diarization.reading:_Held.block",
    ),
    "encoder, its queue and checks": (
        "speakerid.encoders.batching:Batcher.embed",
        "speakerid.encoders.batching:Batcher._serve",
    ),
    "encoder, front end": ("speakerid.encoders.onnx:_front_end",),
    "encoder, forward": ("speakerid.encoders.onnx:_run",),
    "noise and bandwidth": ("speakerid.services.diarize:measure",),
    "clustering": ("speakerid.services.diarize:cluster",),
    "names": ("speakerid.services.recording:name_channels",),
}


def measured(sid: SpeakerID, cases: Sequence[Case], clock: PartClock) -> dict[str, float]:
    """Milliseconds for each minute, by part."""
    answered(sid, cases[:1])
    clock.take()
    answered(sid, cases)
    minutes = sum(case.seconds for case in cases) / 60.0
    spent = clock.take()
    parts = {part: spent.get(part, 0) / 1e6 / minutes for part in PARTS}
    return parts | {TOTAL: sum(parts.values())}


def times_real_time(parts: Mapping[str, float]) -> float:
    return 60_000 / parts[TOTAL]


def measure(speech: Path, encoder: str, kinds: Sequence[str] = KINDS) -> dict[str, dict[str, float]]:
    """`measured` of each kind. For a process that does nothing else: functions stay wrapped."""
    clock, cast = PartClock(), cast_to_measure(speech)
    for part, places in PARTS.items():
        for place in places:
            wrap(clock, place, lambda *_, part=part: part)
    cases: Mapping[str, Callable[[], Iterable[Case]]] = {
        CONVERSATIONS: lambda: made(cast, COUNT, SEED),
        CALLS: lambda: calls(speech),
        MEETINGS: lambda: meetings(speech / "ami"),
    }
    with tempfile.TemporaryDirectory() as folder, SpeakerID.open(Path(folder) / "voices.db", encoder=encoder) as sid:
        enroll(sid, cast)
        return {kind: measured(sid, list(cases[kind]())[-CASES:], clock) for kind in kinds}


def table(columns: Mapping[str, Mapping[str, float]]) -> str:
    rows = [f"{part:32}" + "".join(f"{one[part]:16.0f}" for one in columns.values()) for part in (*PARTS, TOTAL)]
    speeds = "".join(f"{times_real_time(one):16.0f}" for one in columns.values())
    head = f"{'ms of CPU a minute':32}" + "".join(f"{name:>16}" for name in columns)
    return "\n".join([head, *rows, f"{'times real time':32}{speeds}"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True, help="a folder with ami, field, librispeech and noise")
    parser.add_argument("--encoder", default="default")
    options = parser.parse_args(arguments)
    sys.stdout.write(table(measure(options.speech, options.encoder)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
