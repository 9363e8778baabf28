"""Classification: labeled recordings, each asked of a classifier, and the held-out answers of one that was trained."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.classification.classifier import Classifier, OnnxClassifier, TrainedClassifier
from speakerid.classification.heads import UNKNOWN, softmax
from speakerid.classification.learning_curve import learning_curve
from speakerid.classification.material import LabeledRecording, groups, read_material
from speakerid.classification.training import ClassifierTraining, waveform_of
from speakerid.classification.training_digests import NONE, Digests, digest
from speakerid.errors import AudioError
from speakerid.evaluation.classification_figures import (
    ClassificationFigures,
    ClassifiedRecordings,
    classification_figures,
)
from speakerid.evaluation.errors import ContaminatedClassifier, LabelsUnknown, MaterialUnreadable, named
from speakerid.evaluation.report.facts import Answer, Evaluated, ListFacts, Report, now
from speakerid.evaluation.verification import RESAMPLES
from speakerid.types import ClassifierDetails

PROTOCOL = "classification"
ASKED = "classification: whole recordings, the likeliest label of each"
HELD_OUT = "classification: recordings of speakers held out, by heads that learned from others (cross-validation)"
SCORING = "probabilities of the classifier's labels"
NO_SPEAKERS = "Nothing tells who speaks, so there are no confidence intervals. Name them: LABEL/SPEAKER/FILE."
ONE_SPEAKER = (
    "All recordings are of one speaker, so there are no confidence intervals: others may be understood otherwise."
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ClassificationOptions:
    skip_missing: bool = False
    resamples: int = RESAMPLES
    command: str = ""
    progress: Progress = lambda done, total: None


def evaluate_classifier(classifier: Classifier, data: Path, options: ClassificationOptions | None = None) -> Evaluated:
    """Ask about what `read_material(data)` gives; of a table with a split only its `test` rows.

    Recordings that the classifier learned from are left out, as far as it says which. Raises MaterialUnusable,
    LabelsUnknown, MaterialUnreadable, ContaminatedClassifier, ClassifierError.
    """
    options, started_at, details = options or ClassificationOptions(), now(), classifier.details
    material, learned = read_material(data), _learned_from(classifier)
    given = [one for one in material if one.held_out] or material
    asked = [one for one in given if not _is_among(learned, one)]
    if not asked:
        raise ContaminatedClassifier(details.name, len(given))
    columns = _columns(asked, details)
    run = _asked(classifier, asked, options)
    kept = [asked[row] for row in run.rows]
    found = ClassifiedRecordings(
        labels=details.labels,
        probabilities=run.probabilities,
        truth=columns[run.rows],
        speakers=_speakers(kept),
        names=tuple(_shown(one.path, data) for one in kept),
    )
    figures = classification_figures(
        found,
        protocol=ASKED,
        threshold=details.threshold,
        resamples=options.resamples,
        audio_s=run.audio_s,
        took_s=run.took_s,
    )
    trained_on = _trained_on(details, len(given) - len(asked), len(given), known=bool(learned))
    stamps = [trained_on, *_stamps(asked, details), *_left_out(run.unreadable, len(asked))]
    lines = (f"{_shown(one.path, data)}\t{one.label}\t{one.speaker or ''}" for one in asked)
    facts = ListFacts(data.name, _sha256(lines), len(asked))
    return _evaluated(found, figures, facts, details, stamps, options.command, started_at)


def of_training(done: ClassifierTraining, *, data: str, command: str = "", resamples: int = RESAMPLES) -> Evaluated:
    """The same of a training run on `data`: its held-out answers, and how accuracy grows with speakers."""
    head, started_at = done.classifier.head, now()
    found = ClassifiedRecordings(
        labels=tuple(map(str, done.held_out.labels)),
        probabilities=softmax(done.held_out.logits / head.temperature),
        truth=done.held_out.truth,
        speakers=done.speakers if done.speakers_apart else None,
    )
    figures = classification_figures(
        found,
        protocol=HELD_OUT,
        threshold=head.threshold,
        resamples=resamples,
        learning_curve=learning_curve(done.material, head.pooling, done.strength),
    )
    unreadable = {str(one.path): one.reason for one in done.skipped}
    stamps = _left_out(unreadable, len(found.truth) + len(unreadable))
    lines = (f"{found.labels[row]}\t{speaker}" for row, speaker in zip(found.truth, done.speakers, strict=True))
    facts = ListFacts(data, _sha256(lines), len(found.truth))
    return _evaluated(found, figures, facts, done.classifier.details, stamps, command, started_at)


def _evaluated(
    found: ClassifiedRecordings,
    figures: ClassificationFigures,
    facts: ListFacts,
    details: ClassifierDetails,
    stamps: Sequence[str],
    command: str,
    started_at: str,
) -> Evaluated:
    report = Report(
        protocol=PROTOCOL,
        figures={PROTOCOL: figures},
        list=facts,
        scoring=SCORING,
        command=command,
        started_at=started_at,
        stamps=(*stamps, *_on_speakers(figures)),
        classifier=details,
    )
    taken = [found.labels[place] for place in found.answers]
    spoken = [found.labels[place] for place in found.truth]
    answers = zip(found.names, spoken, taken, strict=True) if found.names else ()
    return Evaluated(report, answers=tuple(Answer(PROTOCOL, *one) for one in answers))


def _learned_from(classifier: Classifier) -> Digests:
    return classifier.digests if isinstance(classifier, TrainedClassifier | OnnxClassifier) else NONE


def _is_among(learned: Digests, one: LabeledRecording) -> bool:
    """A file that is missing is for who reads it to name."""
    return bool(learned) and one.path.is_file() and digest(one.path) in learned


def _trained_on(details: ClassifierDetails, count: int, of: int, *, known: bool) -> str:
    name, rest = details.name, "If it did, these figures are too good: hold speakers out."
    learned = f"(trained on: {details.trained_on or 'nothing says what'}). {rest}"
    if not known:
        return f"Nothing tells whether {name} learned from these recordings or their speakers {learned}"
    left_out = f"CONTAMINATED: {name} was trained on {count} of {of} recordings, which were left out. " if count else ""
    return f"{left_out}Nothing tells whether {name} learned from other recordings of these speakers {learned}"


def _columns(material: Sequence[LabeledRecording], details: ClassifierDetails) -> NDArray[np.intp]:
    """The right column of each recording; what the classifier has no label for is its `unknown`.

    Published labels of languages are such as `th: Thai`; `th` is meant, too. Raises LabelsUnknown.
    """
    short = {name.partition(":")[0]: place for place, name in enumerate(details.labels)}
    places = short | {name: place for place, name in enumerate(details.labels)}
    unknown = sorted({one.label for one in material} - set(places))
    if unknown and UNKNOWN not in places:
        raise LabelsUnknown(unknown, details.name, details.labels)
    return np.array([places.get(one.label, places.get(UNKNOWN, -1)) for one in material], np.intp)


@dataclass(frozen=True)
class _Run:
    """`rows` of the material could be read."""

    rows: NDArray[np.intp]
    probabilities: NDArray[np.float64]  # (rows, labels)
    unreadable: dict[str, str]  # why, by path
    audio_s: float
    took_s: float  # by the classifier


def _asked(classifier: Classifier, material: Sequence[LabeledRecording], options: ClassificationOptions) -> _Run:
    rows, found, unreadable, samples, took_s = list[int](), [], dict[str, str](), 0, 0.0
    for row, one in enumerate(material):
        try:
            waveform = waveform_of(one.path)
        except (AudioError, OSError) as error:
            unreadable[str(one.path)] = str(error)
        else:
            begun = time.perf_counter()
            found.append(classifier.probabilities(waveform))
            took_s += time.perf_counter() - begun
            samples += len(waveform)
            rows.append(row)
        options.progress(row + 1, len(material))
    if unreadable and (not options.skip_missing or not rows):
        raise MaterialUnreadable(unreadable)
    return _Run(np.array(rows, np.intp), np.array(found), unreadable, samples / SAMPLE_RATE_HZ, took_s)


def _speakers(material: Sequence[LabeledRecording]) -> NDArray[np.str_] | None:
    known = any(one.speaker is not None for one in material)
    return np.array(groups(material)) if known else None


def _stamps(material: Sequence[LabeledRecording], details: ClassifierDetails) -> list[str]:
    others = Counter(one.label for one in material if one.label not in details.labels)
    short = {name.partition(":")[0] for name in details.labels}
    strange = sorted(set(others) - short)
    return [f"The classifier has no label for {named(strange)}: right is {UNKNOWN!r}."] if strange else []


def _on_speakers(figures: ClassificationFigures) -> list[str]:
    if figures.speakers is None:
        return [NO_SPEAKERS]
    return [ONE_SPEAKER] if figures.speakers == 1 else []


def _left_out(unreadable: dict[str, str], of: int) -> list[str]:
    count = len(unreadable)
    return [f"INCOMPLETE: {count} of {of} recordings cannot be read and were left out."] if count else []


def _shown(path: Path, data: Path) -> str:
    folder = data if data.is_dir() else data.parent
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
