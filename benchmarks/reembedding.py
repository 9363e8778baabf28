"""Time and memory that moving a gallery to another encoder takes, on recordings of real speech.

    python -m benchmarks.reembedding --tree DIR [--from ecapa-mini] [--to campplus] [--utterances 300]

`--tree` has a folder for each speaker. Twice: with a quarter of the utterances and with all, each in a process of its
own, whose peak of memory is measured beyond what it had before it began.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from itertools import chain, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peak_memory import PeakGrowth
from speakerid import SpeakerID
from speakerid.errors import EnrollmentRefused, UtteranceElsewhere

ANYTHING = ("too_little_speech", "clipped", "more_than_one_voice", "does_not_match_speaker", "voice_already_enrolled")


def enroll(store: Path, tree: Path, encoder: str, most: int) -> int:
    """How many; a recording of each speaker first, then the second of each."""
    speakers = [sorted(one.iterdir()) for one in sorted(tree.iterdir()) if one.is_dir()]
    files = [one for one in chain.from_iterable(zip_longest(*speakers)) if one is not None]
    done = 0
    with SpeakerID.open(store, encoder=encoder) as sid:
        sid.change_gallery("default", keep_audio=True)
        for file in files:
            if done == most:
                break
            try:
                done += not sid.enroll(file.parent.name, file, accept=ANYTHING).already_enrolled
            except (EnrollmentRefused, UtteranceElsewhere):
                continue
    return done


def reembed(store: Path, encoder: str) -> tuple[float, float, float]:
    """Seconds, of them on the processor with the children that decode, and MiB."""
    with SpeakerID.open(store, encoder=encoder) as sid:
        memory, began_at, cpu_s = PeakGrowth(), time.monotonic(), _processor_s()
        assert sid.reembed().state == "done"
        mib, took_s = memory.mib(), time.monotonic() - began_at
    return took_s, _processor_s() - cpu_s, mib


def _processor_s() -> float:
    """Of this process, and of its children once they have ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--from", dest="before", default="ecapa-mini")
    parser.add_argument("--to", default="campplus")
    parser.add_argument("--utterances", type=int, default=300)
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as made:
        for most in (-(-asked.utterances // 4), asked.utterances):
            store = Path(made) / f"{most}.db"
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                count = pool.apply(enroll, (store, asked.tree, asked.before, most))
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, cpu_s, mib = pool.apply(reembed, (store, asked.to))
            each_ms = 1000.0 * cpu_s / max(count, 1)
            took = f"{seconds:.1f} s ({cpu_s:.1f} s of processor, {each_ms:.0f} ms each)"
            sys.stdout.write(f"{count} utterances: {took}, {mib:.0f} MiB\n")


if __name__ == "__main__":
    main()
