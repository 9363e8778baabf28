"""The enrollment coach: from what was measured on one recording to what is refused and what is a warning.

Every limit is a pair: beyond `refuse` the recording is refused, beyond `warn` (the nearer one) it is a near miss. Those
of embeddings are fitted per encoder on good recordings of several kinds (`calibration.coach_limits`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

from speakerid.scoring.calibration import GENERIC
from speakerid.scoring.multi_speaker_detector import MultiSpeakerModel
from speakerid.types import EnrollmentRefusal, EnrollmentWarning, Speech

NARROW_BAND_HZ = 4_500  # telephone ends at 4 kHz
NOISY_SNR_DB = 10.0  # only a warning: encoders work through noise, and good recordings measure low for other reasons
CLIPPED_RATIO = 0.01


@dataclass(frozen=True)
class CoachLimit:
    refuse: float
    warn: float


NEVER = CoachLimit(math.inf, math.inf)  # where above is bad
CLIPPED = CoachLimit(refuse=0.3, warn=CLIPPED_RATIO)  # from there on every fourth is nearer to another speaker


@dataclass(frozen=True)
class CoachLimits:
    """Valid only for one encoder and with its calibration, whose llrs they are."""

    match_llr: CoachLimit  # of the speaker's other utterances; below is bad
    voices: MultiSpeakerModel | None = None  # None: speakers are not counted
    voices_llr: CoachLimit = NEVER  # "two speakers" to "one"; above is bad

    def count(self, voices_llr: float | None) -> int | None:
        """How many speakers there are; 2 stands for two or more."""
        return None if voices_llr is None else 1 + _above(voices_llr, self.voices_llr.refuse)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Self:
        """Raises `KeyError` or `TypeError` for anything that `to_dict` did not make."""
        limits = {name: CoachLimit(**fields[name]) for name in ("match_llr", "voices_llr")}
        return cls(**fields | limits | {"voices": MultiSpeakerModel(**fields["voices"])})


# Of an encoder that nothing was fitted for: refused is what is less alike than five of six strangers are.
UNFITTED = CoachLimits(
    match_llr=CoachLimit(
        refuse=GENERIC.llr_of(
            GENERIC.strangers.mean - math.hypot(GENERIC.strangers.deviation, GENERIC.strangers.between)
        ),
        warn=GENERIC.llr_of(GENERIC.strangers.mean),
    )
)


@dataclass(frozen=True)
class CoachEvidence:
    """What was measured. None: not measurable, or there is nothing to compare with."""

    speech: Speech
    needed_s: float  # of speech, by the gallery
    bandwidths_hz: tuple[int, ...] = ()  # of the speaker's other utterances
    voices_llr: float | None = None  # "two speakers" to "one"
    match_llr: float | None = None  # against the speaker's other utterances
    elsewhere_llr: float | None = None  # against the other speaker who is most alike
    elsewhere: CoachLimit = NEVER  # the llr from which it is that speaker; above is bad


@dataclass(frozen=True)
class Findings:
    refusals: tuple[EnrollmentRefusal, ...]  # the gravest first
    warnings: tuple[EnrollmentWarning, ...]


def judge(evidence: CoachEvidence, limits: CoachLimits) -> Findings:
    refusals = tuple(_refusals(evidence, limits))
    return Findings(refusals, tuple(word for word in _warnings(evidence, limits) if _SAME.get(word) not in refusals))


# A warning that repeats a refusal is left out.
_SAME: dict[EnrollmentWarning, EnrollmentRefusal] = {
    "clipped": "clipped",
    "two_voices": "more_than_one_voice",
    "weak_match": "does_not_match_speaker",
    "similar_voice": "voice_already_enrolled",
}


def _refusals(found: CoachEvidence, limits: CoachLimits) -> Iterator[EnrollmentRefusal]:
    if found.speech.seconds < found.needed_s:
        yield "too_little_speech"
    if found.speech.clipping_ratio > CLIPPED.refuse:
        yield "clipped"
    if _above(found.voices_llr, limits.voices_llr.refuse):
        yield "more_than_one_voice"
    if _below(found.match_llr, limits.match_llr.refuse) or _is_another_speaker(found, limits):
        yield "does_not_match_speaker"
    if found.match_llr is None and _above(found.elsewhere_llr, found.elsewhere.refuse):
        yield "voice_already_enrolled"


def _warnings(found: CoachEvidence, limits: CoachLimits) -> Iterator[EnrollmentWarning]:
    if found.speech.clipping_ratio > CLIPPED.warn:
        yield "clipped"
    if _below(found.speech.snr_db, NOISY_SNR_DB):
        yield "noisy"
    if found.speech.bandwidth_hz < NARROW_BAND_HZ:
        yield "narrow_band"
    if found.bandwidths_hz and (found.speech.bandwidth_hz < NARROW_BAND_HZ) != (
        median(found.bandwidths_hz) < NARROW_BAND_HZ
    ):
        yield "bandwidth_differs"
    if _above(found.voices_llr, limits.voices_llr.warn):
        yield "two_voices"
    if _below(found.match_llr, limits.match_llr.warn):
        yield "weak_match"
    if _above(found.elsewhere_llr, found.elsewhere.warn):
        yield "similar_voice"


def _is_another_speaker(found: CoachEvidence, limits: CoachLimits) -> bool:
    """A weak match here and a sure one elsewhere. A person enrolled twice on purpose matches well in both places."""
    return _below(found.match_llr, limits.match_llr.warn) and _above(found.elsewhere_llr, found.elsewhere.refuse)


def _below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def _above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit
