"""Who speaks, while they speak, measured: how late the answers come, and whether they are those of the whole recording.

    python -m benchmarks.recordings.live --speech ../shared/speech

Made conversations are fed as they are spoken, in messages of 20 ms: the clock goes on with the audio, and with
the processor time that the answers take, so that a busy machine does not make them late. `--fit` instead tries
options on speakers who are in none of the measured conversations.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from benchmarks.recordings import made_conversations
from benchmarks.recordings.cases import COUNT, FIT_SEED, SEED, Answered, Case, answered, enroll, made
from benchmarks.recordings.diarization import der, names
from benchmarks.recordings.made_conversations import say
from benchmarks.recordings.naming_errors import NamingErrors, naming_errors
from benchmarks.recordings.reference import NONE, STRANGER, ReferenceTurn, diarization_errors
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.diarization.online.clustering import AssignOptions
from speakerid.metrics.der import DiarizationErrors
from speakerid.services.live.listen import LiveOptions, listen
from speakerid.services.live.names import EarlyDecisionOptions
from speakerid.services.live.session import LivePolicy
from speakerid.types import FloatArray
from speakerid.types.live import Enough, Event, LiveTurn
from speakerid.verbs import SpeakerID

MESSAGE = SAMPLE_RATE_HZ // 50
IN_TIME_S = 2.0


@dataclass(frozen=True)
class Timed:
    at: float  # seconds since the stream began
    event: Event


class Clock:
    """Audio that comes as it is spoken, and a processor of its own for the answers."""

    def __init__(self) -> None:
        self._at, self._cpu = 0.0, time.process_time()

    def now(self) -> float:
        return self._at + time.process_time() - self._cpu

    def wait_until(self, at: float) -> None:
        self._at, self._cpu = max(self.now(), at), time.process_time()


def streamed(sid: SpeakerID, samples: FloatArray, policy: LivePolicy) -> list[Timed]:
    clock = Clock()
    pcm = np.rint(np.clip(samples, -1.0, 1.0) * 32_767.0).astype("<i2")

    def messages() -> Iterator[bytes]:
        for start in range(0, len(pcm), MESSAGE):
            message = pcm[start : start + MESSAGE]
            clock.wait_until((start + len(message)) / SAMPLE_RATE_HZ)
            yield message.tobytes()

    return [Timed(clock.now(), one) for one in listen(sid.engine, sid.gallery, messages(), LiveOptions(policy=policy))]


@dataclass(frozen=True)
class Live:
    """A conversation, answered while it was spoken and afterwards."""

    offline: Answered
    events: list[Timed]

    @property
    def case(self) -> Case:
        return self.offline.case

    @cached_property
    def turns(self) -> list[LiveTurn]:
        """As they were called when they became final."""
        return [one.event for one in self.events if isinstance(one.event, LiveTurn) and one.event.final]

    def lateness(self) -> list[float]:
        """Seconds from the last speech of each turn to its final event."""
        finals = [(one.at, one.event) for one in self.events if isinstance(one.event, LiveTurn) and one.event.final]
        return [at - turn.end for at, turn in finals]

    def answer_delays(self, place: Callable[[LiveTurn], float]) -> list[float]:
        """Seconds from a `place` in each turn to the first event that says who speaks there, final or not."""
        answers = [(one.at, one.event.end) for one in self.events if isinstance(one.event, LiveTurn)]
        return [next(at for at, end in answers if end >= place(turn)) - place(turn) for turn in self.turns]

    def like_offline(self) -> tuple[float, float]:
        """Seconds of turns with the name that the whole recording's answer has there for most of it, and all."""
        offline = self.offline.named()
        same = sum(turn.end - turn.start for turn in self.turns if _most(offline, turn) == _name(turn))
        return same, sum(turn.end - turn.start for turn in self.turns)

    def errors(self, collar_s: float) -> DiarizationErrors:
        found = [ReferenceTurn(turn.start, turn.end, turn.voice) for turn in self.turns]
        return diarization_errors(self.case.truth, found, self.case.seconds, collar_s)

    def named(self) -> NamingErrors:
        called = sorted({_name(turn) for turn in self.turns})
        voices = [(who, [ReferenceTurn(t.start, t.end, "") for t in self.turns if _name(t) == who]) for who in called]
        return naming_errors(self.offline.known_truth(), voices, self.case.seconds)

    def enough(self) -> list[tuple[Enough, bool]]:
        """And whether it was right: about whoever speaks most in the turn that it came with."""
        found, last, truth = [], dict[str, LiveTurn](), self.offline.known_truth()
        for one in self.events:
            if isinstance(one.event, LiveTurn):
                last[one.event.voice] = one.event
            elif isinstance(one.event, Enough) and one.event.voice in last:
                name = one.event.speaker.name if one.event.speaker else STRANGER
                found.append((one.event, _most(truth, last[one.event.voice]) == name))
        return found


def _name(turn: LiveTurn) -> str:
    return turn.speaker.name if turn.speaker else STRANGER


def _most(turns: Sequence[ReferenceTurn], turn: LiveTurn) -> str | None:
    """Who speaks for most of a turn."""
    seconds: dict[str, float] = {}
    for one in turns:
        overlap = min(one.end, turn.end) - max(one.start, turn.start)
        if overlap > 0:
            seconds[one.speaker] = seconds.get(one.speaker, 0.0) + overlap
    return max(seconds, key=lambda who: seconds[who]) if seconds else None


def report(lives: Sequence[Live]) -> None:
    seconds = sum(one.case.seconds for one in lives)
    say(f"{len(lives)} conversations, {seconds / 60:.1f} minutes, {sum(len(one.turns) for one in lives)} turns")
    for title, measured in (
        ("first speech of a turn to the first event there", lambda one: one.answer_delays(lambda turn: turn.start)),
        ("last speech of a turn to the first event there", lambda one: one.answer_delays(lambda turn: turn.end)),
        ("last speech of a turn to its final event", Live.lateness),
    ):
        say(f"  {title:51s} {_spread([value for one in lives for value in measured(one)])}")
    same, total = (sum(values) for values in zip(*(one.like_offline() for one in lives), strict=True))
    say(f"  named like the whole recording's answer             {100 * same / total:.1f} % of {total:.0f} s of turns")
    report_errors("live", sum((one.errors(0.0) for one in lives), NONE), _sum([one.named() for one in lives]))
    offline = [one.offline for one in lives]
    report_errors("the whole recording", der(offline, 0.0), names(offline))
    report_enough([found for one in lives for found in one.enough()])


def report_errors(title: str, errors: DiarizationErrors, named: NamingErrors) -> None:
    say(
        f"  {title + ':':21s} DER {100 * errors.rate:.1f} %, enrolled speech named rightly "
        f"{100 * named.known_named / named.known:.1f} %, strangers' speech named "
        f"{100 * named.strangers_named / named.strangers:.1f} %"
    )


def report_enough(found: Sequence[tuple[Enough, bool]]) -> None:
    for title, accepted in (("a name", True), ("unknown", False)):
        some = [(event, right) for event, right in found if (event.decision == "accept") is accepted]
        if some:
            share = 100 * sum(right for _, right in some) / len(some)
            spread = _spread([event.speech_seconds for event, _ in some])
            say(f"  enough for {title:8s} {len(some):4d} times, right {share:.1f} %, after speech of {spread}")


def _sum(found: Sequence[NamingErrors]) -> NamingErrors:
    return sum(found[1:], found[0])


def _spread(values: Sequence[float]) -> str:
    median, high = np.percentile(values, [50, 95])
    in_time = np.mean(np.array(values) <= IN_TIME_S)
    return f"median {median:.2f} s, 95th percentile {high:.2f} s, within {IN_TIME_S:g} s {100 * in_time:.0f} %"


def tries() -> Iterator[tuple[str, LivePolicy]]:
    """What `--fit` compares."""
    plain = LivePolicy()
    for same_llr in (-1.0, 0.0, 1.0, 2.0):
        yield f"same_llr {same_llr:g}", replace(plain, assign=AssignOptions(same_llr=same_llr))
    for merge_llr in (0.0, 2.0, 4.0):
        yield f"merge_llr {merge_llr:g}", replace(plain, merge_llr=merge_llr)
    for margin in (0.0, 1.0, 2.0, 3.0):
        yield f"margin of certainty {margin:g}", replace(plain, early_decision=EarlyDecisionOptions(margin_llr=margin))
    for begins_s in (1.0, 1.5, 3.0):
        yield f"begins_s {begins_s:g}", replace(plain, assign=AssignOptions(begins_s=begins_s))


def main(arguments: list[str] | None = None) -> int:
    parser = made_conversations.options("Measure how late and how right live answers are.")
    parser.add_argument("--conversations", type=int, default=COUNT)
    options = parser.parse_args(arguments)
    with made_conversations.people(options) as (sid, cast):
        enroll(sid, cast)
        cases = list(made(cast, options.conversations, FIT_SEED if options.fit else SEED))
        offline = answered(sid, cases)
        say(f"{sid.engine.encoder_label}, {len(sid.speakers())} of {len(cast.voices)} speakers enrolled")
        for title, policy in tries() if options.fit else [("", LivePolicy())]:
            say(title)
            report([Live(one, streamed(sid, one.case.samples, policy)) for one in offline])
    return 0


if __name__ == "__main__":
    sys.exit(main())
