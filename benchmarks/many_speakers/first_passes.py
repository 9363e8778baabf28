"""Which first pass to search many voiceprints by: time, memory, and whether the best of all is on its shortlist.

    OMP_NUM_THREADS=1 python -m benchmarks.many_speakers.first_passes --speakers 1000000 --speech ../shared/speech

Times are of the processor, on one thread, beside IndexFlatIP in the same run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.many_speakers.made_up import HARDER, real_voices
from speakerid.types import FloatArray

SHORTLISTS = (200, 1_000)
PROBES = 500
TIMED = 40
TRAINED_ON = 50_000
IP = faiss.METRIC_INNER_PRODUCT
Search = Callable[[FloatArray, int], Any]


def first_passes(dim: int) -> Iterator[tuple[str, Any]]:
    """By name; the number of bytes is that of one voiceprint's code."""
    for numbers in (8, 4, 2):
        yield f"PQ, 4 bits for {numbers} numbers", faiss.IndexPQFastScan(dim, dim // numbers, 4, IP)
    yield "RaBitQ, a bit a number", faiss.IndexRaBitQFastScan(dim, IP)
    yield "int8", faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_8bit, IP)
    projected = faiss.IndexPreTransform(faiss.PCAMatrix(dim, dim // 7), faiss.IndexFlatIP(dim // 7))
    yield f"projection to {dim // 7} numbers", projected


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speakers", type=int, default=1_000_000)
    parser.add_argument("--speech", type=Path, help="a folder with field, librispeech and fsdd")
    asked = parser.parse_args(arguments)
    faiss.omp_set_num_threads(1)
    voices = real_voices(asked.speech)
    drawn = np.concatenate(list(voices.all_speakers(asked.speakers)))
    who = np.random.default_rng(3).integers(len(drawn), size=PROBES)
    sought = {harder: voices.probes(drawn[who], harder) for harder in (1.0, HARDER, 1.5 * HARDER)}
    flat = faiss.IndexFlatIP(drawn.shape[1])
    flat.add(drawn)
    best = {harder: flat.search(probes, 1)[1] for harder, probes in sought.items()}
    flat_ms = _cpu_ms(flat.search, sought[1.0], 1)
    _say({"IndexFlatIP": {"ms": flat_ms, "right": {h: float(np.mean(best[h][:, 0] == who)) for h in sought}}})
    for name, index in first_passes(drawn.shape[1]):
        index.train(drawn[:: max(1, len(drawn) // TRAINED_ON)])
        index.add(drawn)
        found = {harder: index.search(probes, max(SHORTLISTS))[1] for harder, probes in sought.items()}
        on_list = {
            f"{harder:g}, {count}": float(np.mean((found[harder][:, :count] == best[harder]).any(axis=1)))
            for harder in sought
            for count in SHORTLISTS
        }
        ms = _cpu_ms(index.search, sought[1.0], max(SHORTLISTS))
        _say({name: {"ms": round(ms, 2), "times_faster": round(flat_ms / ms, 1), "best_on_shortlist": on_list}})


def _cpu_ms(search: Search, probes: FloatArray, count: int) -> float:
    began = time.thread_time()
    for probe in probes[:TIMED]:
        search(probe[None], count)
    return (time.thread_time() - began) / min(TIMED, len(probes)) * 1000


def _say(row: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(row)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
