"""What AS-norm against a cohort of 5,000 voices adds to an identify request, audio to answer."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from speakerid import samples
from speakerid.scoring.cohort import Cohort
from speakerid.scoring.scorer import Scorer
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.fields import EVERY_REFUSAL
from speakerid.services.identify import identify
from speakerid.verbs import SpeakerID

COHORT = 5_000
ROUNDS = 60


def normalization_cost() -> dict[str, Any]:
    """Median CPU milliseconds of a whole request with plain cosine and with AS-norm, and the share that this adds."""
    with tempfile.TemporaryDirectory() as folder, SpeakerID.open(Path(folder) / "voices.db") as sid:
        for name, voice in samples.voices().items():
            for number, file in enumerate(voice.enroll[:2]):  # two speakers of each voice: as many as are compared
                sid.enroll(f"{name} {number}", file, accept=EVERY_REFUSAL)
        probe = next(iter(samples.voices().values())).probes[0].read_bytes()
        plain, normalized = (_with(sid.engine, size) for size in (0, COHORT))
        gallery = galleries.get(sid.engine, sid.gallery)
        times: list[tuple[float, float]] = []
        for _ in range(ROUNDS):  # in turn, so that both see the same machine
            pair = []
            for engine in (plain, normalized):
                started = time.process_time()
                identify(engine, gallery, probe)
                pair.append((time.process_time() - started) * 1000)
            times.append((pair[0], pair[1]))
    without, with_it = (median(column) for column in zip(*times, strict=True))
    return {
        "cohort": COHORT,
        "speakers": 2 * len(samples.voices()),
        "cosine_ms": round(without, 2),
        "asnorm_ms": round(with_it, 2),
        "added_percent": round(100 * (median(b - a for a, b in times)) / without, 2),
    }


def _with(engine: Engine, cohort: int) -> Engine:
    """The same engine with a calibration that uses so many voices; its answers mean nothing."""
    assert engine.scorer is not None
    calibration = engine.scorer.calibration
    if not cohort:
        return replace(engine, scorer=Scorer(replace(calibration, score="cosine", cohort=None)))
    rows = np.random.default_rng(1).standard_normal((cohort, engine.encoder.dim)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    voices = Cohort.of(rows, fingerprint=engine.encoder.fingerprint, made_of="random directions", top=300)
    return replace(engine, scorer=Scorer(replace(calibration, score="asnorm", cohort=voices.digest), voices))
