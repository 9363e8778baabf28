"""From what the user wants to a run: encoder, scoring, cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from speakerid.bootstrap import fitted_cohort, load_cohort, load_scorer
from speakerid.encoders.base import label
from speakerid.errors import CalibrationMissing
from speakerid.evaluation.backend import Backend
from speakerid.evaluation.corpora.sniff import open_corpus
from speakerid.evaluation.embedding.cache import default_folder
from speakerid.evaluation.embedding.stage import Engine, Progress, Stage, StageOptions
from speakerid.evaluation.errors import CohortNeeded
from speakerid.evaluation.material import cohort_prints
from speakerid.evaluation.protocols.verification import RESAMPLES
from speakerid.evaluation.run import Run
from speakerid.scoring.cohort import Cohort
from speakerid.settings import Settings

TOP = 300  # of a cohort of speaker means, as published figures have it
Score = Literal["cosine", "asnorm", "calibrated"]
Bars = Callable[[str], Progress]  # a bar for each title


@dataclass(frozen=True)
class Wanted:
    """`settings` name the encoder, and the calibration and cohort of `calibrated`: those that the service uses."""

    settings: Settings = field(default_factory=Settings)
    score: Score = "cosine"
    cohort: Path | None = None  # speakers for `asnorm`; by default the cohort that lies beside the encoder
    cache: Path | None = None
    workers: int = 1
    vad: bool = False
    engine: Engine = "local"
    skip_missing: bool = False
    resamples: int = RESAMPLES
    command: str = ""


def start(wanted: Wanted, bars: Bars) -> Run:
    """Raises EncoderNotFound, CalibrationMissing, CohortNeeded, CohortInvalid, RecordingsError."""
    vad = wanted.vad or wanted.score == "calibrated"  # calibrations are fitted on what the service hears
    cache = wanted.cache or default_folder()
    stage = Stage(StageOptions(wanted.settings.encoder, cache, wanted.workers, vad, wanted.engine))
    return Run(
        stage=stage,
        backend=_backend(wanted, stage, bars),
        skip_missing=wanted.skip_missing,
        resamples=wanted.resamples,
        command=wanted.command,
        progress=bars("Embedding"),
    )


def _backend(wanted: Wanted, stage: Stage, bars: Bars) -> Backend:
    if wanted.score == "asnorm":
        cohort, speakers = _cohort(wanted, stage, bars)
        name = f"AS-norm, top {min(cohort.top, len(cohort.embeddings))} of {len(cohort.embeddings)} voices"
        return Backend(f"{name} of {cohort.made_of}", cohort, cohort_speakers=speakers)
    if wanted.score == "calibrated":
        scorer = load_scorer(stage.encoder, wanted.settings)
        if scorer is None:
            raise CalibrationMissing(f"{label(stage.encoder)} has no calibration. Fit one, or take --score cosine.")
        name = f"llr of {scorer.calibration.score}, calibrated on {scorer.calibration.fitted_on}"
        backend = Backend(name, scorer.cohort, scorer.calibration)
        used = backend.normalizing
        return backend if used is None else replace(backend, name=f"{name}, cohort of {used.made_of}")
    return Backend("cosine")


def _cohort(wanted: Wanted, stage: Stage, bars: Bars) -> tuple[Cohort, frozenset[str]]:
    """And the names of its speakers, where they are known."""
    if wanted.cohort is not None:
        corpus = open_corpus(wanted.cohort)
        means = cohort_prints(stage, corpus, bars("Cohort"))
        cohort = Cohort(means, stage.encoder.fingerprint, f"{corpus.name}, a mean for each speaker", TOP)
        return cohort, frozenset(corpus.by_speaker())
    settings = wanted.settings
    found = load_cohort(stage.encoder, fitted_cohort(settings))
    if found is None:
        raise CohortNeeded
    return found, frozenset()
