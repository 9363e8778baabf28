"""A gallery of very many speakers: search, start, memory, enrolling meanwhile, and the command `identify`.

    OMP_NUM_THREADS=1 python -m benchmarks.many_speakers --speakers 1000000 --speech ../shared/speech [--keep FOLDER]

Times are of the processor but where seconds of the clock are said. The search is timed in turns with IndexFlatIP over
the same voiceprints. Each step is a process of its own. `--keep` leaves the store in a folder, and takes one that is
there.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.many_speakers.steps import measure


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speakers", type=int, default=1_000_000)
    parser.add_argument("--speech", type=Path, help="a folder with field, librispeech and fsdd")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", action="append", help="steps, by name")
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as made:
        folder = asked.keep or Path(made)
        folder.mkdir(exist_ok=True)
        for name, figures in measure(folder, asked.speakers, asked.speech, asked.only):
            sys.stdout.write(f"{json.dumps({name: figures})}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
