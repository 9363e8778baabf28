"""One evaluation from corpus to figures: find, embed, score, measure, and describe what was done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speakerid.errors.extras import require
from speakerid.evaluation.backend import Backend
from speakerid.evaluation.corpus import Corpus, Item, SpeakerSplit
from speakerid.evaluation.embedding.stage import EmbeddingStage, Progress, TrialMaterial, embed_names
from speakerid.evaluation.errors import NoProbes, OneSpeaker
from speakerid.evaluation.identification import IdentificationTask, LabeledUtterances, linear_head, open_set, search
from speakerid.evaluation.report.facts import (
    Answer,
    EncoderFacts,
    Evaluated,
    ListFacts,
    Report,
    ScoredTrials,
    WorkFacts,
    now,
)
from speakerid.evaluation.trials import Scored, TrialList, read_scores, speakers_of
from speakerid.evaluation.verification import RESAMPLES, VerificationFigures, verify
from speakerid.metrics.eer import ClassMissing

NO_PROBES = "{} leaves no recording of {} to ask about. Give speakers two recordings or more."
NO_SPEAKERS = "Nothing tells whose utterances these are, so there are no confidence intervals."
NO_ERROR = (
    "No trial is wrong. The interval of the EER is Wilson's, for as many trials as there are speakers; those of costs "
    "that are 0 are not known. More speakers tell more."
)


@dataclass(frozen=True)
class Run:
    """What all protocols need; `stamps` are what a reader must know before quoting a figure."""

    stage: EmbeddingStage
    backend: Backend
    skip_missing: bool = False
    resamples: int = RESAMPLES
    command: str = ""
    stamps: tuple[str, ...] = ()
    progress: Progress = lambda done, total: None
    started_at: str = field(default_factory=now)
    started: float = field(default_factory=time.perf_counter)

    def verification(self, corpus: Corpus, listed: TrialList) -> Evaluated:
        """Raises MissingRecordings, UnreadableRecordings, OneKindOfTrial."""
        material = self._embed(corpus, listed.names)
        trials = listed.only(material.usable[listed.enroll] & material.usable[listed.test])
        scores = self.backend.pairs(material.embeddings, trials.enroll, trials.test)
        speakers = _speakers(corpus, trials)
        are_llrs = self.backend.gives_llrs
        figures = verify(trials, scores, speakers, are_llrs=are_llrs, resamples=self.resamples)
        dropped = len(listed) - len(trials)
        stamps = [f"INCOMPLETE: {dropped} of {len(listed)} trials were left out."] if dropped else []
        stamps += _about_intervals(figures)
        report = self._report("verification", {"verification": figures}, ListFacts.of(listed), material, stamps)
        return Evaluated(report, ScoredTrials(trials, scores, speakers, are_llrs))

    def identification(self, corpus: Corpus, split: SpeakerSplit) -> Evaluated:
        """Both protocols, each under its name. Raises MissingRecordings, UnreadableRecordings, ExtraMissing."""
        require("sklearn")
        task, material, stamps = self._task(corpus, split, closed=True)
        found = {
            "gallery_search": search(task, self.backend, self.resamples),
            "linear_head": linear_head(task, self.resamples),
        }
        figures = {name: one for name, (one, _) in found.items()}
        answers = tuple(
            Answer(name, *answer)
            for name, (_, taken) in found.items()
            for answer in zip(task.test.names, task.test.speakers, taken, strict=True)
        )
        return Evaluated(self._report("identification", figures, _facts(split), material, stamps), answers=answers)

    def open_set(self, corpus: Corpus, split: SpeakerSplit) -> Evaluated:
        """Raises MissingRecordings, UnreadableRecordings, NoProbes."""
        task, material, stamps = self._task(corpus, split, closed=False)
        try:
            figures, searches = open_set(task, self.backend)
        except ClassMissing:
            raise NoProbes(NO_PROBES.format(split.name, "enrolled speakers and of strangers")) from None
        report = self._report("open-set", {"open_set": figures}, _facts(split), material, stamps)
        return Evaluated(report, open_set=searches)

    def _task(
        self, corpus: Corpus, split: SpeakerSplit, *, closed: bool
    ) -> tuple[IdentificationTask, TrialMaterial, list[str]]:
        """In a `closed` task probes of speakers without a usable training file are dropped, and that is stamped.

        Raises OneSpeaker, NoProbes.
        """
        items = (*split.train, *split.dev, *split.test)
        material = self._embed(corpus, [one.name for one in items])
        ends = np.cumsum([len(split.train), len(split.dev), len(split.test)])
        rows = np.split(np.arange(len(items)), ends[:-1])
        train, dev, test = (_labeled(items, part[material.usable[part]], material) for part in rows)
        learned = sorted(set(train.speakers))
        if len(learned) < 2:
            raise OneSpeaker(split.name, len(learned))
        asked = len(test.speakers)
        if closed:
            dev, test = dev.of(learned), test.of(learned)
        if not test.speakers:
            raise NoProbes(NO_PROBES.format(split.name, "an enrolled speaker"))
        dropped = asked - len(test.speakers)
        stamps = [f"{dropped} probes of speakers without a training file were left out."] if dropped else []
        return IdentificationTask(train, dev, test), material, stamps

    def _embed(self, corpus: Corpus, names: Sequence[str]) -> TrialMaterial:
        material = embed_names(self.stage, corpus, names, self.progress, skip=self.skip_missing)
        speakers = {one.speaker for name in names if (one := corpus.find(name)) and one.speaker}
        stamps = self.backend.stamps(speakers)
        return replace(material, stamps=(*material.stamps, *stamps))

    def _report(
        self, protocol: str, figures: dict[str, Any], facts: ListFacts, material: TrialMaterial, stamps: Sequence[str]
    ) -> Report:
        options = self.stage.options
        work = WorkFacts(
            recordings=len(material.usable),
            embedded=material.fresh,
            audio_hours=material.audio_s / 3600,
            embedding_s=material.took_s,
            total_s=time.perf_counter() - self.started,
            workers=options.workers,
        )
        return Report(
            protocol=protocol,
            figures=figures,
            list=facts,
            scoring=f"{self.backend.name}, {'speech only (VAD)' if options.vad else 'whole files'}",
            command=self.command,
            started_at=self.started_at,
            stamps=(*self.stamps, *material.stamps, *stamps),
            encoder=EncoderFacts.of(self.stage.encoder),
            work=work,
        )


def _facts(split: SpeakerSplit) -> ListFacts:
    return ListFacts(split.name, split.sha256, len(split))


def _labeled(items: Sequence[Item], rows: NDArray[np.intp], material: TrialMaterial) -> LabeledUtterances:
    chosen = [items[row] for row in rows]
    return LabeledUtterances(
        material.embeddings[rows], tuple(one.speaker for one in chosen), tuple(one.name for one in chosen)
    )


def _speakers(corpus: Corpus, trials: TrialList) -> NDArray[np.intp] | None:
    """From the names, or else from the corpus where it agrees with the labels."""
    known = speakers_of(trials)
    if known is not None:
        return known
    found = [one.speaker if (one := corpus.find(name)) else None for name in trials.names]
    _, speakers = np.unique(
        [f"{place}?" if one is None else one for place, one in enumerate(found)], return_inverse=True
    )
    agrees = np.array_equal(speakers[trials.enroll] == speakers[trials.test], trials.same)
    return speakers.astype(np.intp) if agrees else None


def evaluate_scores(
    scores: Path,
    trials: Path | None = None,
    *,
    are_llrs: bool = False,
    resamples: int = RESAMPLES,
    command: str = "",
) -> Evaluated:
    """Raises BadLine, ListError."""
    started_at = now()
    found = read_scores(scores, trials)
    speakers = speakers_of(found.trials)
    figures = verify(found.trials, found.scores, speakers, are_llrs=are_llrs, resamples=resamples)
    report = Report(
        protocol="verification",
        figures={"verification": figures},
        list=ListFacts.of(found.trials),
        scoring=f"scores of another tool, read as {found.layout!r}",
        command=command,
        started_at=started_at,
        stamps=tuple(_stamps(found, figures)),
    )
    return Evaluated(report, ScoredTrials(found.trials, found.scores, speakers, are_llrs))


def _stamps(found: Scored, figures: VerificationFigures) -> list[str]:
    ignored = f"{found.ignored} scores belong to no trial of {found.trials.name} and were ignored."
    return [*([ignored] if found.ignored else []), *_about_intervals(figures)]


def _about_intervals(figures: VerificationFigures) -> list[str]:
    if figures.speakers is None:
        return [NO_SPEAKERS]
    return [NO_ERROR] if figures.intervals and figures.eer == 0.0 else []
