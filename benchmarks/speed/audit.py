"""What an audit of a large gallery costs: CPU seconds and memory of the comparisons, for made-up voices.

python -m benchmarks.speed.audit --utterances 10000
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time

import numpy as np

from speakerid.audit.health import examine
from speakerid.audit.leave_one_out import Labeled, unit
from speakerid.bootstrap import load_encoder, load_fitted

EACH = 3  # utterances of a speaker
SPREAD = 0.7  # of a speaker's utterances, against 1 of the speakers


def gallery(utterances: int, dim: int, seed: int = 0) -> Labeled:
    random = np.random.default_rng(seed)
    speakers = np.arange(utterances) // EACH
    rows = random.standard_normal((speakers.max() + 1, dim))[speakers]
    rows += SPREAD * random.standard_normal(rows.shape)
    return Labeled(unit(rows), speakers, np.full(utterances, 4.0))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure what an audit of a large gallery costs.")
    parser.add_argument("--utterances", type=int, default=10_000)
    options = parser.parse_args(arguments)
    encoder = load_encoder("bundled")
    labeled = gallery(options.utterances, encoder.dim)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    examine(labeled, np.zeros(len(labeled), np.bool_), load_fitted(encoder).calibration.compare)
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
