"""Who speaks when, measured: on real meetings, and on made conversations where it is known who is enrolled.

    python -m speakerid.evaluation.diarization --speech ../shared/speech

Prints diarization error rates beside a plain baseline that knows the best threshold, what is named rightly and wrongly,
and the speed. `--fit` instead tries stops of the clustering on speakers who are in none of the measured conversations.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from speakerid.audio import overlap
from speakerid.audio.recorder import Recorder
from speakerid.audio.vad import SileroVad
from speakerid.diarization.clustering import ClusterOptions
from speakerid.evaluation import on_conversations
from speakerid.evaluation.cases import COUNT, FIT_SEEDS, Answered, Case, answered, enroll, made, meetings, name_of
from speakerid.evaluation.naming_errors import NamingErrors, naming_errors
from speakerid.evaluation.on_conversations import say
from speakerid.evaluation.overlap_errors import OverlapErrors, overlap_errors
from speakerid.evaluation.plain_diarization import grid, with_best_threshold, with_known_number
from speakerid.evaluation.spoken import (
    COLLARS_S,
    NONE,
    Errors,
    Said,
    diarization_errors,
    identification_errors,
)
from speakerid.services.engine import Engine
from speakerid.verbs import SpeakerID

STOPS = (  # llrs: of windows, of turns
    *((0.0, turns) for turns in (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)),
    *((windows, 1.5) for windows in (-1.0, 1.0)),
)
OVERLAP_PROBABILITIES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9)


def der(answers: Sequence[Answered], collar_s: float) -> Errors:
    return sum((diarization_errors(one.case.truth, one.voices(), one.case.seconds, collar_s) for one in answers), NONE)


def ier(answers: Sequence[Answered]) -> Errors:
    return sum((identification_errors(one.known_truth(), one.named(), one.case.seconds) for one in answers), NONE)


def overlap_found(answers: Sequence[Answered]) -> OverlapErrors:
    return sum(
        (overlap_errors(one.case.truth, one.voices(), one.case.seconds) for one in answers),
        OverlapErrors(0.0, 0.0, 0.0),
    )


def names(answers: Sequence[Answered]) -> NamingErrors:
    found = [
        naming_errors(
            one.known_truth(),
            [
                (
                    name_of(voice.speaker),
                    [Said(t.start, t.end, "") for t in one.recording.turns if t.voice == voice.voice],
                )
                for voice in one.recording.voices
            ],
            one.case.seconds,
        )
        for one in answers
    ]
    return sum(found[1:], found[0])


def one_at_a_time(cases: Sequence[Case], collar_s: float) -> Errors:
    """The floor for any answer that names one voice at a time: the truth, but of two at once only who began first."""
    return sum((diarization_errors(one.truth, _single(one.truth), one.seconds, collar_s) for one in cases), NONE)


def _single(truth: Sequence[Said]) -> list[Said]:
    found: list[Said] = []
    at = 0.0
    for one in sorted(truth, key=lambda said: said.start):
        if one.end > at:
            found.append(Said(max(one.start, at), one.end, one.speaker))
            at = one.end
    return found


def compare(title: str, sid: SpeakerID, cases: Sequence[Case]) -> list[Answered]:
    """Print DER beside the baseline."""
    began = time.process_time()
    answers = answered(sid, cases)
    spent = time.process_time() - began
    told = answered(sid, cases, known_number=True)
    grids = [grid(sid.engine.encoder, SileroVad(), case.samples) for case in cases]
    seconds = sum(case.seconds for case in cases)
    say(f"\n{title}: {len(cases)} recordings, {seconds / 60:.1f} minutes, {seconds / spent:.0f} x real time (CPU)")
    for collar_s in COLLARS_S:
        measures = [partial(_measured, case, collar_s) for case in cases]
        best, limit = with_best_threshold(grids, measures)
        number = with_known_number(grids, measures, [case.speakers for case in cases])
        say(f"  collar {collar_s:g} s                      DER    missed  false alarm  confused")
        _row("speakerid", der(answers, collar_s))
        _row("speakerid, number told", der(told, collar_s))
        _row(f"plain, best threshold {limit:g}", best)
        _row("plain, number told", number)
        _row("truth, one at a time", one_at_a_time(cases, collar_s))
    _say_overlap(answers)
    return answers


def _measured(case: Case, collar_s: float, answer: Sequence[Said]) -> Errors:
    return diarization_errors(case.truth, answer, case.seconds, collar_s)


def _row(name: str, errors: Errors) -> None:
    parts = (errors.missed, errors.false_alarm, errors.confused)
    shares = "  ".join(f"{100 * part / errors.total:8.2f}" for part in parts)
    say(f"    {name:30s} {100 * errors.rate:6.2f}  {shares}")


def _say_overlap(answers: Sequence[Answered]) -> None:
    found = overlap_found(answers)
    say(
        f"  two or more at once: {found.true:.0f} s, found {100 * found.recall:.1f} % of it, "
        f"right {100 * found.precision:.1f} % of what was told"
    )


def report_names(answers: Sequence[Answered]) -> None:
    found, errors = names(answers), ier(answers)
    say(f"  identification error rate        {100 * errors.rate:6.2f} % of {errors.total:.0f} s")
    say(f"  enrolled speech named rightly    {100 * found.known_named / found.known:6.2f} % of {found.known:.0f} s")
    say(f"  strangers' speech named          {100 * found.strangers_named / found.strangers:6.2f} %")
    say(f"  wrong names                      {found.wrong_names / found.hours:6.2f} per hour ({found.wrong_names})")
    say(f"  names given, twice               {found.names:6d} {found.names_twice}")


def fit(sid: SpeakerID, cases: Sequence[Case]) -> None:
    """Print DER for other stops of the clustering, and for other probabilities from which two speak at once."""
    for windows, turns in STOPS:
        policy = replace(sid.engine.policy, clusters=ClusterOptions(window_stop_llr=windows, turn_stop_llr=turns))
        say(f"  windows stop at llr {windows:4.1f}, turns at {turns:4.1f}")
        _tried(replace(sid.engine, policy=policy), sid.gallery, cases)
    for probability in OVERLAP_PROBABILITIES:
        options = replace(overlap.SEGMENTS, threshold=probability, end_threshold=probability)
        say(f"  two speak at once from a probability of {probability:g}")
        recorder = Recorder(sid.engine.recorder.limits, overlap=options)
        _tried(replace(sid.engine, recorder=recorder), sid.gallery, cases)


def _tried(engine: Engine, gallery: str, cases: Sequence[Case]) -> None:
    answers = answered(SpeakerID(engine, gallery), cases)
    _row("speakerid", der(answers, 0.0))
    _say_overlap(answers)


def main(arguments: list[str] | None = None) -> int:
    parser = on_conversations.options("Measure who speaks when on meetings and made conversations.")
    parser.add_argument("--conversations", type=int, default=COUNT)
    options = parser.parse_args(arguments)
    with on_conversations.people(options) as (sid, cast):
        enroll(sid, cast)
        if options.fit:
            fit(sid, [one for seed in FIT_SEEDS for one in made(cast, options.conversations, seed)])
            return 0
        say(f"{sid.engine.encoder_label}, {len(sid.speakers())} of {len(cast.voices)} speakers enrolled")
        compare("AMI meetings", sid, list(meetings(options.speech / "ami")))
        report_names(compare("Made conversations", sid, list(made(cast, options.conversations))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
