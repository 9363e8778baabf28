"""Open-set identification and enrollment in every domain, through the very services that the API uses.

    python -m benchmarks.decisions.open_set --speech ../shared/speech

A fresh gallery for each domain, without `calibrate`: half of the speakers are enrolled through the coach, then other
utterances of theirs and of strangers are asked. All recordings are good enrollments: what the coach refuses is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.decisions.open_set_task import OpenSetTask, domain_task, librispeech_task
from benchmarks.enrollment_stage import EnrollmentStage
from benchmarks.speech_domains import speech_domains
from speakerid.bootstrap import build_engine, load_encoder
from speakerid.calibration.domains import own_domains
from speakerid.encoders.base import Encoder
from speakerid.metrics.intervals import wilson
from speakerid.scoring.coach import Findings
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from speakerid.types import Estimate, FloatArray, Identification

TRIED = 2  # more utterances of each speaker that are sent as enrollments, without keeping them
ENROLLED = 30  # speakers of a gallery at most
LIBRISPEECH = "librispeech"
COLUMNS = (
    "domain",
    "one person twice",
    "enrolled",
    "good enrollments refused",
    "strangers named",
    "known accepted",
    "wrong names",
    "right at the top",
    "too short",
)


@dataclass(frozen=True)
class OpenSetReport:
    """Counts in one domain. Recordings of too little speech count nowhere but in `too_short`."""

    domain: str
    one_person_twice: int  # speakers left out for sounding like another one
    enrolled: int  # speakers
    too_short: int  # recordings
    sent: int  # good enrollments
    refused: dict[str, int]  # of them, by code
    known: int  # utterances of enrolled speakers
    top_1: int  # whose best candidate is right, accepted or not
    accepted: int  # under their own name
    wrong_names: int
    strangers: int  # utterances of speakers who are not enrolled
    strangers_named: int


def run(engine: Engine, task: OpenSetTask, target_fpir: float) -> OpenSetReport:
    stage = EnrollmentStage(engine, task.domain, target_fpir)
    found = [stage.enroll(name, one) for name, own in task.enroll.items() for one in own]
    known = [(name, stage.identify(one)) for name, one in task.known]
    strangers = [stage.identify(one) for _, one in task.strangers]
    found += [stage.review(name, one) for name, one in _some(task.known)]
    found += [stage.review(None, one) for _, one in _some(task.strangers)]
    return _counted(task, found, known, strangers)


def _some(utterances: Sequence[tuple[str, FloatArray]]) -> Iterator[tuple[str, FloatArray]]:
    """The first TRIED of each speaker."""
    seen = Counter[str]()
    for name, samples in utterances:
        seen[name] += 1
        if seen[name] <= TRIED:
            yield name, samples


def _counted(
    task: OpenSetTask,
    found: Sequence[Findings],
    known: Sequence[tuple[str, Identification]],
    strangers: Sequence[Identification],
) -> OpenSetReport:
    long = [one for one in found if "too_little_speech" not in one.refusals]
    asked = [(name, one) for name, one in known if one.decision != "not_enough_speech"]
    unknown = [one for one in strangers if one.decision != "not_enough_speech"]
    named = [(name, one.speaker.name if one.speaker else None) for name, one in asked]
    return OpenSetReport(
        domain=task.domain,
        one_person_twice=task.one_person_twice,
        enrolled=len(task.enroll),
        too_short=len(found) + len(known) + len(strangers) - len(long) - len(asked) - len(unknown),
        sent=len(long),
        refused=dict(Counter(one.refusals[0] for one in long if one.refusals)),
        known=len(asked),
        top_1=sum(one.candidates[0].speaker.name == name for name, one in asked if one.candidates),
        accepted=sum(given == name for name, given in named),
        wrong_names=sum(given not in (None, name) for name, given in named),
        strangers=len(unknown),
        strangers_named=sum(one.speaker is not None for one in unknown),
    )


def table(reports: Sequence[OpenSetReport]) -> Iterator[str]:
    """Markdown, the domain with the most strangers named first. 95 % intervals: Wilson's."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|{'---|' * len(COLUMNS)}"
    for one in sorted(reports, key=lambda one: -one.strangers_named / max(one.strangers, 1)):
        codes = ", ".join(f"{code} {count}" for code, count in sorted(one.refused.items()))
        cells = [
            _share(sum(one.refused.values()), one.sent) + (f": {codes}" if codes else ""),
            _share(one.strangers_named, one.strangers),
            _share(one.accepted, one.known),
            _share(one.wrong_names, one.known),
            f"{one.top_1} of {one.known}",
        ]
        yield f"| {one.domain} | {one.one_person_twice} | {one.enrolled} | {' | '.join(cells)} | {one.too_short} |"
    mean = fmean(one.accepted / max(one.known, 1) for one in reports)
    yield f"\nKnown accepted, mean of the domains: {100 * mean:.1f} %"


def _share(part: int, whole: int) -> str:
    if not whole:
        return "–"
    found: Estimate = wilson(part, whole)
    return f"{part} of {whole}: {100 * found.value:.1f} % [{100 * max(found.low, 0.0):.1f}, {100 * found.high:.1f}]"


def _tasks(options: argparse.Namespace, encoder: Encoder) -> Iterator[OpenSetTask]:
    domains = speech_domains(options.speech) if options.speech else own_domains(options.data)
    chosen = [one for one in domains if not one.name.startswith(LIBRISPEECH) or not options.speech]
    yield from (domain_task(one, encoder, ENROLLED, options.utterances) for one in chosen)
    if options.speech:
        yield librispeech_task(options.speech / LIBRISPEECH, options.utterances)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Measure enrollment and open-set identification in every domain.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--speech", type=Path, help="a folder with field, librispeech and fsdd")
    source.add_argument("--data", type=Path, nargs="+", help="folders with one sub-folder per speaker or per domain")
    parser.add_argument("--encoder", default="default")
    parser.add_argument("--target-fpir", type=float, default=0.01, help="accepted chance that a stranger is named")
    parser.add_argument("--utterances", type=int, default=3, help="enrolled of each speaker")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    reports, encoder = list[OpenSetReport](), load_encoder(options.encoder)
    for task in _tasks(options, encoder):
        with tempfile.TemporaryDirectory() as folder:
            engine = build_engine(Settings(store=f"{folder}/voices.db"), encoder)
            try:
                reports.append(run(engine, task, options.target_fpir))
            finally:
                engine.close()
        sys.stderr.write(f"{task.domain} is done\n")
    found = [json.dumps(asdict(one)) for one in reports] if options.json else table(reports)
    sys.stdout.write("\n".join(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
