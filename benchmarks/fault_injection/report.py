"""What became of planted faults and good enrollments, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.fault_injection.faults import FAULTS, Attempt, Kind
from speakerid.metrics.intervals import interval, speaker_bootstrap, wilson
from speakerid.scoring.coach import CoachLimits, Findings
from speakerid.types import Estimate

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
    """Markdown. 95 % intervals: Wilson's for faults, over resampled voices for good enrollments."""
    return "\n".join([*_faults(found), "", *_good([one for one in found if one.attempt.kind == "good"]), ""])


def summary(limits: CoachLimits) -> str:
    """What is refused and, in brackets, what is only said."""
    return (
        f"match below llr {limits.match_llr.refuse:.1f} ({limits.match_llr.warn:.1f}), "
        f"two voices above llr {limits.voices_llr.refuse:.1f} ({limits.voices_llr.warn:.1f})"
    )


def _faults(found: Sequence[Judged]) -> Iterator[str]:
    yield "| planted fault | planted | refused for it | refused for something else | warned | missed | noticed |"
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
    voices = [one.attempt.voice for one in good]
    wrong = np.array([bool(one.findings.refusals) for one in good])
    drawn = speaker_bootstrap(lambda weights: float(np.average(wrong, weights=weights)), voices, voices)
    yield f"{len(good)} good enrollments: wrongly refused {_share(interval(wrong.mean(), drawn))}"
    codes = Counter[str](code for one in refused for code in one.findings.refusals)
    words = Counter[str](word for one in good for word in one.findings.warnings)
    yield f"refused by: {_counts(codes)}; of {len({one.attempt.voice for one in refused})} voices"
    yield f"warned by: {_counts(words)}"


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common()) or "nothing"


def _share(found: Estimate) -> str:
    return f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"
