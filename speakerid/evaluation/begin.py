"""From what the user wants to a run: encoder, scoring, cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from speakerid.bootstrap import load_calibration
from speakerid.encoders.base import label
from speakerid.encoders.registry import calibration_file
from speakerid.errors import CalibrationMissing
from speakerid.evaluation.backend import Backend
from speakerid.evaluation.embedding.cache import default_folder
from speakerid.evaluation.embedding.stage import Progress, Stage, StageOptions
from speakerid.evaluation.protocols.verification import RESAMPLES
from speakerid.evaluation.run import Run

Score = Literal["cosine", "asnorm", "calibrated"]
Bars = Callable[[str], Progress]  # a bar for each title


@dataclass(frozen=True)
class Wanted:
    encoder: str = "bundled"
    score: Score = "cosine"
    calibration: Path | None = None  # by default the one beside the encoder
    cohort: Path | None = None
    cache: Path | None = None
    workers: int = 1
    vad: bool = False
    skip_missing: bool = False
    resamples: int = RESAMPLES
    command: str = ""


def start(wanted: Wanted, bars: Bars) -> Run:
    """Raises EncoderNotFound, CalibrationMissing, CohortNeeded."""
    cache = wanted.cache or default_folder()
    stage = Stage(StageOptions(wanted.encoder, cache, wanted.workers, wanted.vad))
    return Run(
        stage=stage,
        backend=_backend(wanted, stage),
        skip_missing=wanted.skip_missing,
        resamples=wanted.resamples,
        command=wanted.command,
        progress=bars("Embedding"),
    )


def _backend(wanted: Wanted, stage: Stage) -> Backend:
    if wanted.score == "cosine":
        return Backend("cosine")
    calibration = load_calibration(stage.encoder, wanted.calibration or calibration_file(wanted.encoder))
    if calibration is None:
        raise CalibrationMissing(f"{label(stage.encoder)} has no calibration. Fit one, or take --score cosine.")
    return Backend(f"llr of the calibration fitted on {calibration.fitted_on}", calibration)
