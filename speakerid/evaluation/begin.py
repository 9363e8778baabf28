"""From what the user wants to a run: encoder, scoring, cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from speakerid.bootstrap import load_fitted
from speakerid.evaluation.backend import Backend, Cohort
from speakerid.evaluation.corpus_readers import open_corpus
from speakerid.evaluation.embedding.cache import default_folder
from speakerid.evaluation.embedding.stage import EmbeddingStage, Engine, Progress, StageOptions, cohort_prints
from speakerid.evaluation.errors import CohortNeeded
from speakerid.evaluation.run import Run
from speakerid.evaluation.verification import RESAMPLES
from speakerid.settings import Settings

TOP = 300  # of a cohort of speaker means, as published figures have it
Score = Literal["cosine", "asnorm", "calibrated"]
Bars = Callable[[str], Progress]  # a bar for each title


@dataclass(frozen=True)
class Wanted:
    """`settings` name the encoder and where its calibration is looked for: the one that the service uses."""

    settings: Settings = field(default_factory=Settings)
    score: Score = "cosine"
    cohort: Path | None = None  # speakers for `asnorm`
    cache: Path | None = None
    workers: int = 1
    vad: bool = False
    engine: Engine = "local"
    skip_missing: bool = False
    resamples: int = RESAMPLES
    command: str = ""


def start(wanted: Wanted, bars: Bars) -> Run:
    """Raises EncoderNotFound, CalibrationUnreadable, CohortNeeded, RecordingsError."""
    vad = wanted.vad or wanted.score == "calibrated"  # calibrations are fitted on speech without pauses
    cache = wanted.cache or default_folder()
    stage = EmbeddingStage(StageOptions(wanted.settings.encoder, cache, wanted.workers, vad, wanted.engine))
    return Run(
        stage=stage,
        backend=_backend(wanted, stage, bars),
        skip_missing=wanted.skip_missing,
        resamples=wanted.resamples,
        command=wanted.command,
        progress=bars("Embedding"),
    )


def _backend(wanted: Wanted, stage: EmbeddingStage, bars: Bars) -> Backend:
    if wanted.score == "asnorm":
        return _normalizing(wanted.cohort, stage, bars)
    if wanted.score == "calibrated":
        calibration = load_fitted(stage.encoder, wanted.settings).calibration
        on = ", ".join(calibration.domains) or "nothing: the prior for any encoder"
        return Backend(f"llr of cosine, calibrated on {on}", calibration=calibration)
    return Backend("cosine")


def _normalizing(folder: Path | None, stage: EmbeddingStage, bars: Bars) -> Backend:
    if folder is None:
        raise CohortNeeded("AS-norm compares with a cohort. Give a folder with other speakers: --cohort DIR.")
    corpus = open_corpus(folder)
    means = cohort_prints(stage, corpus, bars("Cohort"))
    name = f"AS-norm, top {min(TOP, len(means))} of {len(means)} speakers of {corpus.name}, a mean for each"
    return Backend(name, Cohort(means, TOP, frozenset(corpus.by_speaker())))
