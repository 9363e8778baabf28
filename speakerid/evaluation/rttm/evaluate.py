"""Evaluate who is said to speak when against who does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from speakerid.evaluation.errors import RttmExtraMissing, UnpairedRecordings, named
from speakerid.evaluation.evaluated import Evaluated
from speakerid.evaluation.report.facts import ListFacts, Report, now, software
from speakerid.evaluation.rttm.measure import Meter, RecordingErrors, Stretches
from speakerid.evaluation.rttm.read import Diarized, RttmTurn, read_rttm, read_uem

COLLAR_S = 0.25


@dataclass(frozen=True)
class Diarization:
    collar_s: float  # on each side of every boundary of the reference
    hypothesis_sha256: str
    all: RecordingErrors  # seconds added up over the recordings
    recordings: tuple[RecordingErrors, ...]


def evaluate_rttm(
    reference: Path, hypothesis: Path, *, collar_s: float = COLLAR_S, uem: Path | None = None, command: str = ""
) -> Evaluated:
    """Raises NotRttm, NotUem, ListError, RttmExtraMissing."""
    if find_spec("pyannote") is None:
        raise RttmExtraMissing
    started_at = now()
    truth, answer = read_rttm(reference), read_rttm(hypothesis)
    counted = _counted(truth, answer, None if uem is None else read_uem(uem))
    meter = Meter(collar_s, names=bool(truth.speakers & answer.speakers))
    each = tuple(meter.measure(name, turns, answer.turns[name], counted[name]) for name, turns in truth.turns.items())
    report = Report(
        protocol="diarization",
        figures={"diarization": Diarization(collar_s, answer.sha256, meter.total(), each)},
        list=ListFacts(truth.name, truth.sha256, sum(map(len, truth.turns.values()))),
        scoring=f"{answer.name}, collar of {collar_s:g} s on each side of a boundary, overlapping speech counts, "
        + ("all from the first turn to the last" if uem is None else f"what {uem.name} names"),
        command=command,
        started_at=started_at,
        software=software() | {"pyannote.metrics": version("pyannote.metrics")},
    )
    return Evaluated(report)


def _counted(truth: Diarized, answer: Diarized, uem: Mapping[str, Stretches] | None) -> Mapping[str, Stretches]:
    """What counts of each recording. Raises UnpairedRecordings."""
    for here, there in ((truth, answer), (answer, truth)):
        _require(here.turns.keys() - there.turns.keys(), here.name, there.name)
    if uem is None:
        return {name: _extent((*truth.turns[name], *answer.turns[name])) for name in truth.turns}
    _require(truth.turns.keys() - uem.keys(), truth.name, "the UEM file")
    return uem


def _require(missing: set[str], here: str, there: str) -> None:
    if missing:
        raise UnpairedRecordings(
            f"{len(missing)} recording(s) of {here} are not in {there}: {named(sorted(missing))}. The second column "
            "names the recording; give both sides the same ones, an empty file where nobody speaks."
        )


def _extent(turns: Sequence[RttmTurn]) -> Stretches:
    return [(min(one.start for one in turns), max(one.end for one in turns))] if turns else []
