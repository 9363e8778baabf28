"""How many enrollments gone wrong does the coach notice, and how many good ones does it refuse?

    python -m benchmarks.fault_injection.measure --speech ../shared/speech

400 faults are injected into LibriSpeech and as many good utterances of it sent, through the very services that the API
uses. Calibration and limits are fitted on the other domains, so nothing that is judged was fitted on.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice, repeat
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.enrollment_stage import EnrollmentStage
from benchmarks.fault_injection.faults import (
    FAULTS,
    GOOD,
    Attempt,
    DevUtterance,
    FaultCast,
    Injector,
    Kind,
    pieces,
    single,
)
from benchmarks.refit import say_progress
from benchmarks.speech_domains import speech_domains
from speakerid.audio.decode import Preparer
from speakerid.audio.files import read_file, recordings, speaker_tree
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import build_engine, load_encoder
from speakerid.calibration.encoder_calibration import calibrate, read
from speakerid.encoders.base import Encoder, label
from speakerid.metrics.intervals import interval, speaker_bootstrap, wilson
from speakerid.scoring.coach import CoachLimits, Findings
from speakerid.services.engine import Engine
from speakerid.settings import Settings
from speakerid.types import Estimate

SEED = 11
HELD_OUT = 51  # last speakers of librispeech/train: the bundled encoder was not trained on them
BYSTANDERS = 200  # its first speakers, whom the bundled encoder was trained on: enrolled, never judged
JUDGED_ENROLLED = 10  # speakers in either gallery; the large one has the bystanders too
MOST_UTTERANCES = 3  # enrolled of one speaker; some are left to send
SINGLES = 300  # files of coffee
ATTEMPTS = 400  # faults, and as many good utterances
Verdict = Literal["named", "refused", "warned", "missed"]
# The refusals and warnings that name a fault for what it is.
NAMES: dict[Kind, tuple[set[str], set[str]]] = {
    "wrong speaker's file": ({"does_not_match_speaker"}, {"weak_match", "similar_voice"}),
    "two voices": ({"more_than_one_voice"}, {"two_voices"}),
    "silence": ({"too_little_speech"}, set()),
    "music and noise": ({"too_little_speech"}, {"noisy"}),
    "clipped": ({"clipped"}, {"clipped"}),
    "8 kHz among 16 kHz": (set(), {"bandwidth_differs"}),
    "same voice, two names": ({"voice_already_enrolled"}, {"similar_voice"}),
}


class FaultCorpus:
    """The folder of `--speech`."""

    def __init__(self, root: Path) -> None:
        preparer = Preparer(SileroVad())
        train, dev = speaker_tree(root / "librispeech" / "train"), speaker_tree(root / "librispeech" / "dev")
        self.takes = pieces(dict(sorted([*list(train.items())[-HELD_OUT:], *dev.items()])), preparer)
        self.bystanders = pieces(dict(list(train.items())[:BYSTANDERS]), preparer)
        self.single = single(recordings(root / "coffee")[:SINGLES], preparer)
        sounds = {file.stem: preparer.decode(read_file(file)) for file in recordings(root / "noise")}
        self.rooms = [samples for name, samples in sounds.items() if name.startswith("rir")]
        self.noises = [samples for name, samples in sounds.items() if not name.startswith("rir")]


def judge(engine: Engine, corpus: FaultCorpus) -> Iterator[Judged]:
    """Half of the attempts in a gallery of a few speakers, half in one with the bystanders."""
    for number, others in enumerate(([], corpus.bystanders)):
        stage, random = EnrollmentStage(engine, f"gallery-{number}"), np.random.default_rng(SEED + number)
        enrolled, spare, new = _chosen(corpus.takes, random)
        for take in [*enrolled, *others]:
            stage.enroll(take.speaker, take.samples, whatever=True)
        chosen = tuple({take.speaker: None for take in enrolled})
        injector = Injector(FaultCast(chosen, spare, new, corpus.single, corpus.rooms, corpus.noises), SEED + number)
        for kind in chain(repeat(GOOD, ATTEMPTS // 2), islice(cycle(FAULTS), ATTEMPTS // 2)):
            attempt = injector.attempt(kind)
            yield Judged(attempt, stage.review(attempt.speaker, attempt.samples))


def _chosen(
    takes: Sequence[DevUtterance], random: np.random.Generator
) -> tuple[list[DevUtterance], list[DevUtterance], list[DevUtterance]]:
    """Takes to enroll, others of the same speakers, and those of all others."""
    mine: defaultdict[str, list[DevUtterance]] = defaultdict(list)
    for at in random.permutation(len(takes)):
        mine[takes[at].speaker].append(takes[at])
    several = sorted(name for name, own in mine.items() if len(own) > 1)
    chosen = [several[at] for at in random.permutation(len(several))[:JUDGED_ENROLLED]]
    enrolled, spare = list[DevUtterance](), list[DevUtterance]()
    for name in chosen:
        count = int(random.integers(1, min(MOST_UTTERANCES, len(mine[name]) - 1) + 1))
        enrolled += mine[name][:count]
        spare += mine[name][count:]
    return enrolled, spare, [take for take in takes if take.speaker not in chosen]


def fit_elsewhere(encoder: Encoder, speech: Path, folder: Path) -> None:
    """What `calibrate` finds without LibriSpeech, where an engine with the models of this folder looks for it."""
    domains = [one for one in speech_domains(speech) if not one.test_only and not one.name.startswith("librispeech")]
    (made,) = calibrate(read([encoder], domains, say_progress))
    (folder / "fitted").mkdir()
    (folder / "fitted" / "elsewhere.json").write_text(made.fitted.to_json(), encoding="utf-8")


@dataclass(frozen=True)
class Judged:
    attempt: Attempt
    findings: Findings

    @property
    def verdict(self) -> Verdict:
        refusals, warnings = NAMES.get(self.attempt.kind, (set(), set()))
        if refusals.intersection(self.findings.refusals):
            return "named"
        if self.findings.refusals:
            return "refused"
        return "warned" if warnings.intersection(self.findings.warnings) else "missed"


def table(found: Sequence[Judged]) -> str:
    """Markdown. 95 % intervals: Wilson's for faults, over resampled speakers for good enrollments."""
    return "\n".join([*_faults(found), "", *_good([one for one in found if one.attempt.kind == "good"]), ""])


def summary(limits: CoachLimits) -> str:
    """What is refused and, in brackets, what is a warning."""
    return (
        f"match below llr {limits.match_llr.refuse:.1f} ({limits.match_llr.warn:.1f}), "
        f"two voices above llr {limits.voices_llr.refuse:.1f} ({limits.voices_llr.warn:.1f})"
    )


def _faults(found: Sequence[Judged]) -> Iterator[str]:
    yield "| injected fault | injected | refused for it | refused for something else | warned | missed | noticed |"
    yield "|---|---|---|---|---|---|---|"
    everything: Counter[Verdict] = Counter()
    for kind in FAULTS:
        counts = Counter(one.verdict for one in found if one.attempt.kind == kind)
        everything += counts
        yield _row(kind, counts)
    yield _row("all", everything)


def _row(name: str, counts: Counter[Verdict]) -> str:
    total = counts.total()
    cells = [counts[verdict] for verdict in ("named", "refused", "warned", "missed")]
    return f"| {name} | {total} | {' | '.join(map(str, cells))} | {_share(wilson(total - counts['missed'], total))} |"


def _good(good: Sequence[Judged]) -> Iterator[str]:
    refused = [one for one in good if one.findings.refusals]
    speakers = [one.attempt.spoken_by for one in good]
    wrong = np.array([bool(one.findings.refusals) for one in good])
    drawn = speaker_bootstrap(lambda weights: float(np.average(wrong, weights=weights)), speakers, speakers)
    yield f"{len(good)} good enrollments: wrongly refused {_share(interval(wrong.mean(), drawn))}"
    codes = Counter[str](code for one in refused for code in one.findings.refusals)
    words = Counter[str](word for one in good for word in one.findings.warnings)
    yield f"refused by: {_counts(codes)}; of {len({one.attempt.spoken_by for one in refused})} speakers"
    yield f"warned by: {_counts(words)}"


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common()) or "nothing"


def _share(found: Estimate) -> str:
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Inject faults in enrollments and count what the coach notices.")
    parser.add_argument("--speech", type=Path, required=True, help="a folder with field, librispeech, coffee and noise")
    parser.add_argument("--encoder", default="default")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder)
    with tempfile.TemporaryDirectory() as folder:
        fit_elsewhere(encoder, options.speech, Path(folder))
        engine = build_engine(Settings(store=f"{folder}/voices.db", models=Path(folder)), encoder=encoder)
        try:
            found = list(judge(engine, FaultCorpus(options.speech)))
        finally:
            engine.close()
    sys.stdout.write(f"{label(encoder)}: {summary(engine.limits)}\n\n{table(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
