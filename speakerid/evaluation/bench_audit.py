"""What an audit of a large gallery costs: CPU seconds and memory of the comparisons, for made-up voices.

python -m speakerid.evaluation.bench_audit --utterances 10000
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time

import numpy as np

from speakerid.bootstrap import load_encoder, load_scorer
from speakerid.scoring.health import examine
from speakerid.scoring.leave_one_out import Labeled, unit
from speakerid.scoring.sides import Side
from speakerid.settings import Settings

EACH = 3  # utterances of a speaker
SPREAD = 0.7  # of a speaker's utterances, against 1 of the speakers


def gallery(utterances: int, dim: int, seed: int = 0) -> Labeled:
    random = np.random.default_rng(seed)
    speakers = np.arange(utterances) // EACH
    rows = random.standard_normal((speakers.max() + 1, dim))[speakers]
    rows += SPREAD * random.standard_normal(rows.shape)
    side = Side(unit(rows), np.full(utterances, 4.0), np.full(utterances, 30.0), np.full(utterances, 8_000.0))
    return Labeled(side, speakers)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure what an audit of a large gallery costs.")
    parser.add_argument("--utterances", type=int, default=10_000)
    options = parser.parse_args(arguments)
    encoder = load_encoder("bundled")
    scorer = load_scorer(encoder, Settings())
    assert scorer is not None
    labeled = gallery(options.utterances, encoder.dim)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    examine(labeled, np.zeros(len(labeled), np.bool_), lambda probes, enrolled: scorer.compare(probes, enrolled).llrs)
    found = {
        "utterances": len(labeled),
        "speakers": len(labeled.sizes),
        "cpu_s": round(time.process_time() - started, 1),
        "memory_added_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024,
    }
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
