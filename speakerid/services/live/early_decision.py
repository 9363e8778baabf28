"""When enough was heard of a voice: the calibrated decision would hardly change with more of it."""

from __future__ import annotations

from dataclasses import dataclass

from speakerid.types import RecordedVoice


@dataclass(frozen=True)
class EarlyDecisionOptions:
    """`python -m benchmarks.recordings.live` measures what they give."""

    margin_llr: float = 3.0  # above the threshold, or below it: odds twenty times as good as they need to be
    accept_s: float = 2.0  # of this voice; a single word may fit anybody
    unknown_s: float = 4.0


def is_decided_early(voice: RecordedVoice, options: EarlyDecisionOptions) -> bool:
    """A name is certain when its llr is well above the threshold, "unknown" when the best llr is well below it."""
    if voice.decision == "no_speakers":
        return True
    if voice.threshold is None or not voice.candidates:
        return False
    beyond = leading(voice)[0] - voice.threshold.llr
    if voice.decision == "accept":
        return voice.speech.seconds >= options.accept_s and beyond >= options.margin_llr
    return voice.decision == "unknown" and voice.speech.seconds >= options.unknown_s and -beyond >= options.margin_llr


def leading(voice: RecordedVoice) -> tuple[float, float]:
    """llr and probability of the speaker that the decision is about: the named one, or the best candidate."""
    named = (one for one in voice.candidates if one.speaker == voice.speaker)
    found = next(named, voice.candidates[0])
    return found.llr, found.probability
