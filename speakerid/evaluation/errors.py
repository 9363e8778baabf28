"""What can go wrong while evaluating; each class has a stable `code`.

EvaluationError
├── BadLine               UnknownLabel · MixedFormats · TrialWithItself · ScoreNotANumber · BadEntry · NotRttm · NotUem
├── of a list             ListMissing · EmptyList · OneKindOfTrial · OneSpeaker · NoProbes
│   └── …                 AmbiguousScores · LabelsMissing · ScoresIncomplete · UnpairedRecordings
├── of recordings         NoRecordings · MissingRecordings · UnreadableRecordings · SpeakersUnknown
│   └── …                 LabelsUnknown · MaterialUnreadable: asked of a classifier
├── ContaminatedEncoder   the encoder was trained on speakers of this test
├── ContaminatedClassifier  the classifier was trained on all of these recordings
├── CohortNeeded          AS-norm without a cohort
└── CacheFailed · ReportFailed · WorkerDied
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from speakerid.errors import SpeakeridError

SHOWN = 10  # files named in a message


class EvaluationError(SpeakeridError, code="evaluation_error"): ...


class BadLine(EvaluationError, code="bad_line"):
    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path.name}, line {line}: {problem}")
        self.line = line


class UnknownLabel(BadLine, code="unknown_trial_label"): ...


class MixedFormats(BadLine, code="mixed_formats"): ...


class TrialWithItself(BadLine, code="trial_with_itself"): ...


class ScoreNotANumber(BadLine, code="score_not_a_number"): ...


class BadEntry(BadLine, code="bad_corpus_entry"): ...


class NotRttm(BadLine, code="not_rttm"):
    def __init__(self, path: Path, line: int) -> None:
        super().__init__(
            path, line, "expected is RTTM: SPEAKER recording channel start duration <NA> <NA> speaker <NA> <NA>."
        )


class NotUem(BadLine, code="not_uem"): ...


class ListMissing(EvaluationError, code="list_missing"): ...


class EmptyList(EvaluationError, code="empty_list"):
    def __init__(self, path: Path) -> None:
        super().__init__(f"{path.name} holds no line. Give a list with one trial or file a line.")


class OneKindOfTrial(EvaluationError, code="one_kind_of_trial"):
    def __init__(self, name: str, kind: str) -> None:
        super().__init__(f"{name} has only {kind} trials. Error rates need target and non-target trials.")


class OneSpeaker(EvaluationError, code="one_speaker"):
    def __init__(self, name: str, found: int) -> None:
        super().__init__(f"{name} has utterances of {found} speaker(s). Telling speakers apart needs two or more.")


class NoProbes(EvaluationError, code="no_probes"): ...


class AmbiguousScores(EvaluationError, code="ambiguous_scores"): ...


class LabelsMissing(EvaluationError, code="labels_missing"): ...


class ScoresIncomplete(EvaluationError, code="scores_incomplete"): ...


class UnpairedRecordings(EvaluationError, code="unpaired_recordings"): ...


class NoRecordings(EvaluationError, code="no_recordings"):
    def __init__(self, root: Path) -> None:
        super().__init__(
            f"{str(root)!r} holds no audio file. Give the folder that holds the speech, a Kaldi directory, a JSONL "
            "manifest or a CSV file."
        )


class MissingRecordings(EvaluationError, code="missing_recordings"):
    def __init__(self, missing: Sequence[str], of: int) -> None:
        super().__init__(
            f"{len(missing)} of {of} recordings are missing: {named(missing)}. Complete the corpus, or pass "
            "--skip-missing; the report will then say so."
        )


class UnreadableRecordings(EvaluationError, code="unreadable_recordings"):
    def __init__(self, reasons: Mapping[str, str]) -> None:
        first = next(iter(reasons.values()))
        super().__init__(
            f"{len(reasons)} recording(s) cannot be embedded: {named(list(reasons))} (the first: {first}). "
            "Replace them, or pass --skip-missing; the report will then say so. The others are kept in the cache."
        )


class SpeakersUnknown(EvaluationError, code="speakers_unknown"): ...


class LabelsUnknown(EvaluationError, code="labels_unknown_to_classifier"):
    def __init__(self, unknown: Sequence[str], classifier: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{classifier} has no label for {named(unknown)}. Its labels are {named(known)}: name the folders so, or "
            "leave these recordings out."
        )


class MaterialUnreadable(EvaluationError, code="material_unreadable"):
    def __init__(self, reasons: Mapping[str, str]) -> None:
        first = next(iter(reasons.values()))
        super().__init__(
            f"{len(reasons)} recording(s) cannot be read: {named(list(reasons))} (the first: {first}). Replace them, "
            "or pass --skip-missing; the report will then say so."
        )


class ContaminatedEncoder(EvaluationError, code="contaminated_encoder"): ...


class ContaminatedClassifier(EvaluationError, code="contaminated_classifier"):
    def __init__(self, classifier: str, count: int) -> None:
        super().__init__(
            f"{classifier} cannot be measured on these recordings: it was trained on all {count} of them. Give "
            "recordings that it did not learn from, of other speakers."
        )


class CohortNeeded(EvaluationError, code="cohort_needed"): ...


class CacheFailed(EvaluationError, code="embedding_cache_failed"):
    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The embedding cache {path} failed ({reason}). Free some space, or give another place with --cache. "
            "What it holds already is kept."
        )


class ReportFailed(EvaluationError, code="report_failed"): ...


class WorkerDied(EvaluationError, code="evaluation_worker_died"):
    def __init__(self) -> None:
        super().__init__("A worker process ended, usually for want of memory. Run again with fewer --workers.")


def named(files: Sequence[str]) -> str:
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return ", ".join(files[:SHOWN]) + more
