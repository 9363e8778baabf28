"""Who speaks when, measured: on real meetings, and on made conversations where it is known who is enrolled.

    python -m benchmarks.recordings.diarization --speech ../shared/speech

Prints diarization error rates, what is named rightly and wrongly, and the speed. `--fit` instead tries options of the
clustering on conversations of several kinds, of speakers who are in none of the measured ones, and on AMI.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from benchmarks.recordings import made_conversations
from benchmarks.recordings.cases import (
    COUNT,
    SEED,
    Answered,
    Case,
    Said,
    answered,
    calls,
    enroll,
    made,
    meetings,
    name_of,
    to_fit,
)
from benchmarks.recordings.made_conversations import say
from benchmarks.recordings.naming_errors import BORDER_S, NEAR_S, NamingErrors, naming_errors
from benchmarks.recordings.overlap_errors import OverlapErrors, overlap_errors
from benchmarks.recordings.reference import COLLARS_S, NONE, ReferenceTurn, diarization_errors, identification_errors
from benchmarks.recordings.remembered import remembering
from speakerid.diarization.clustering import ClusterOptions
from speakerid.metrics.der import DiarizationErrors
from speakerid.verbs import SpeakerID

IN_TRAINING = "AMI is in the training data of the segmentation model."
TRIED: Mapping[str, Sequence[float]] = {
    "stop_llr": (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0),
    "same_llr": (0.0, 1.6, 3.2),
    "other_llr": (0.0, 8.0, 16.0),
    "near_s": (3.0, 6.0, 10.0),
    "alone_s": (0.3, 0.5, 0.8),
    "speech_s": (1.0, 2.0, 3.0),
    "outlier_llr": (-10.0, -7.0, -4.0),
    "short_llr": (-8.0, -4.0, 0.0),
}


def der(answers: Sequence[Answered], collar_s: float) -> DiarizationErrors:
    return sum((diarization_errors(one.case.truth, one.voices(), one.case.seconds, collar_s) for one in answers), NONE)


def ier(answers: Sequence[Answered]) -> DiarizationErrors:
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
                    [ReferenceTurn(t.start, t.end, "") for t in one.recording.turns if t.voice == voice.voice],
                )
                for voice in one.recording.voices
            ],
            one.case.seconds,
        )
        for one in answers
    ]
    return sum(found[1:], found[0])


def report(title: str, sid: SpeakerID, cases: Sequence[Case], note: str = "") -> list[Answered]:
    """Print DER, also where the number of speakers is known, or the most or the least, and the speed."""
    began = time.process_time()
    answers = answered(sid, cases)
    spent = time.process_time() - began
    counted = {said: answered(sid, cases, said) for said in get_args(Said)}
    seconds = sum(case.seconds for case in cases)
    speed = f"{seconds / spent:.0f} x real time (CPU)"
    say(f"\n{title}: {len(cases)} recordings, {seconds / 60:.1f} minutes, {speed}")
    if note:
        say(f"  {note}")
    for collar_s in COLLARS_S:
        say(f"  collar {collar_s:g} s                      DER    missed  false alarm  confused")
        _row("speakerid", der(answers, collar_s))
        for said, some in counted.items():
            _row(f"speakerid, {said} known", der(some, collar_s))
    _say_overlap(answers)
    return answers


def _row(name: str, errors: DiarizationErrors) -> None:
    parts = (errors.missed, errors.false_alarm, errors.confused)
    shares = "  ".join(f"{100 * part / errors.total:8.2f}" for part in parts)
    say(f"    {name:30s} {100 * errors.rate:6.2f}  {shares}")


def _say_overlap(answers: Sequence[Answered]) -> None:
    found = overlap_found(answers)
    say(
        f"  two or more at once: {found.true:.0f} s, found {100 * found.recall:.1f} % of it, "
        f"right {100 * found.precision:.1f} % of what was found"
    )


def report_names(answers: Sequence[Answered]) -> None:
    found, errors = names(answers), ier(answers)
    say(f"  identification error rate        {100 * errors.rate:6.2f} % of {errors.total:.0f} s")
    say(f"  enrolled speech named rightly    {100 * found.known_named / found.known:6.2f} % of {found.known:.0f} s")
    say(f"  strangers' speech named          {100 * found.strangers_named / found.strangers:6.2f} %")
    _say_where(found)
    say(f"  wrong names                      {found.wrong_names / found.hours:6.2f} per hour ({found.wrong_names})")
    say(f"  names given, twice               {found.names:6d} {found.names_twice}")


def _say_where(found: NamingErrors) -> None:
    """How far from a speaker's own speech strangers were given their name."""
    elsewhere = found.strangers_named - found.at_borders - found.near_borders
    for place, seconds in (
        (f"within {BORDER_S:g} s of the named one", found.at_borders),
        (f"within {NEAR_S:g} s", found.near_borders),
        ("elsewhere", elsewhere),
        ("of all, over another name", found.shared),
    ):
        say(f"    {place:30s} {seconds:6.1f} s")


def fit(sid: SpeakerID, cases: Mapping[str, Sequence[Case]]) -> None:
    """Print DER of each kind of recording, and their mean, for other options of the clustering."""
    plain = ClusterOptions()
    encoder, long_audio = remembering(sid.engine)
    engine = replace(sid.engine, encoder=encoder, long_audio=long_audio)
    for name, values in TRIED.items():
        for value in values:
            clusters = replace(plain, **{name: value})  # type: ignore[arg-type]  # every one of TRIED is a float
            policy = replace(engine.policy, clusters=clusters)
            tried = SpeakerID(replace(engine, policy=policy), sid.gallery)
            found = {title: 100 * der(answered(tried, some), 0.0).rate for title, some in cases.items()}
            rates = "  ".join(f"{title} {rate:.2f}" for title, rate in found.items())
            say(f"  {name} {value:g}: mean {sum(found.values()) / len(found):.2f}  ({rates})")
    encoder.close()


def main(arguments: list[str] | None = None) -> int:
    parser = made_conversations.options("Measure who speaks when on meetings and made conversations.")
    parser.add_argument("--conversations", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED, help="of the made conversations")
    options = parser.parse_args(arguments)
    with made_conversations.people(options) as (sid, cast):
        enroll(sid, cast)
        if options.fit:
            fit(sid, to_fit(options.speech, cast, options.conversations))
            return 0
        say(f"{sid.engine.encoder_label}, {len(sid.speakers())} of {len(cast.voices)} speakers enrolled")
        report("AMI meetings", sid, list(meetings(options.speech / "ami")), IN_TRAINING)
        report("Made telephone calls", sid, calls(options.speech))
        report_names(report("Made conversations", sid, list(made(cast, options.conversations, options.seed))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
