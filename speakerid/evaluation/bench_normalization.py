"""What AS-norm adds to an identify request, audio to answer: against a cohort of 5,000 voices, or 5,000 enrolled."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from speakerid import samples
from speakerid.db.models import GalleryRow, SpeakerRow, UtteranceRow
from speakerid.db.repositories import galleries as rows
from speakerid.db.types import new_id, now
from speakerid.scoring.cohort import Cohort
from speakerid.scoring.own_cohort import OWN
from speakerid.scoring.scorer import Scorer
from speakerid.services import galleries
from speakerid.services.calibrations import Stored
from speakerid.services.engine import Engine
from speakerid.services.fields import EVERY_REFUSAL
from speakerid.services.identify import identify
from speakerid.types import FloatArray
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
        times = _in_turn([(plain, gallery), (normalized, gallery)], probe)
    return {"cohort": COHORT, "speakers": 2 * len(samples.voices())} | _figures(times)


def own_cohort_cost() -> dict[str, Any]:
    """The same with 5,000 enrolled: plain cosine, and AS-norm against these 5,000 themselves."""
    with tempfile.TemporaryDirectory() as folder, SpeakerID.open(Path(folder) / "voices.db") as sid:
        _enroll_made_up(sid.engine, COHORT)
        probe = next(iter(samples.voices().values())).probes[0].read_bytes()
        plain, row = _with(sid.engine, 0), galleries.get(sid.engine, sid.gallery)
        assert sid.engine.scorer is not None
        own = replace(sid.engine.scorer.calibration, cohort=OWN)
        with sid.engine.write() as db:
            rows.get(db, sid.gallery).calibration = Stored(own, COHORT, now()).to_row()
        times = _in_turn([(plain, row), (sid.engine, galleries.get(sid.engine, sid.gallery))], probe)
    return {"enrolled": COHORT} | _figures(times)


def _enroll_made_up(engine: Engine, count: int) -> None:
    vectors = _directions(count, engine.encoder.dim)
    with engine.write() as db:
        gallery = rows.get(db, galleries.DEFAULT)
        people = [
            SpeakerRow(id=new_id("spk"), gallery_key=gallery.key, name=f"Speaker {n}", voiceprint=vector)
            for n, vector in enumerate(vectors)
        ]
        db.add_all(people)
        db.flush()
        db.add_all(_utterance(engine, one, n) for n, one in enumerate(people))


def _utterance(engine: Engine, speaker: SpeakerRow, number: int) -> UtteranceRow:
    assert speaker.voiceprint is not None
    return UtteranceRow(
        id=new_id("utt"),
        gallery_key=speaker.gallery_key,
        speaker_key=speaker.key,
        sha256=f"{number:064}",
        speech_s=4.0,
        snr_db=30.0,
        clipping_ratio=0.0,
        bandwidth_hz=8_000,
        embedding=speaker.voiceprint,
        encoder_name=engine.encoder.name,
        encoder_fingerprint=engine.encoder.fingerprint,
    )


def _in_turn(asked: Sequence[tuple[Engine, GalleryRow]], probe: bytes) -> list[list[float]]:
    """CPU milliseconds `(rounds, asked)`; in turn, so that all see the same machine."""
    times = list[list[float]]()
    for _ in range(ROUNDS):
        times.append([])
        for engine, gallery in asked:
            started = time.process_time()
            identify(engine, gallery, probe)
            times[-1].append((time.process_time() - started) * 1000)
    return times


def _figures(times: list[list[float]]) -> dict[str, float]:
    without, with_it = (median(column) for column in zip(*times, strict=True))
    added = median(after - before for before, after in times)
    return {
        "cosine_ms": round(without, 2),
        "asnorm_ms": round(with_it, 2),
        "added_percent": round(100 * added / without, 2),
    }


def _directions(count: int, dim: int) -> FloatArray:
    rows = np.random.default_rng(1).standard_normal((count, dim)).astype(np.float32)
    unit: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _with(engine: Engine, cohort: int) -> Engine:
    """The same engine with a calibration that uses so many voices; its answers mean nothing."""
    assert engine.scorer is not None
    calibration = engine.scorer.calibration
    if not cohort:
        return replace(engine, scorer=Scorer(replace(calibration, score="cosine", cohort=None)))
    made = _directions(cohort, engine.encoder.dim)
    voices = Cohort.of(made, fingerprint=engine.encoder.fingerprint, made_of="random directions", top=300)
    return replace(engine, scorer=Scorer(replace(calibration, score="asnorm", cohort=voices.digest), voices))
