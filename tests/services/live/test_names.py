"""A decision is early where more speech would hardly change it."""

from __future__ import annotations

import pytest

from speakerid.services.live.names import EarlyDecisionOptions, is_decided_early
from speakerid.types import Candidate, Decision, RecordedVoice, SpeakerRef, Speech, Threshold


def judged(decision: Decision, llr: float, seconds: float) -> RecordedVoice:
    ada = SpeakerRef("spk_1", "Ada")
    return RecordedVoice(
        voice="",
        decision=decision,
        speaker=ada if decision == "accept" else None,
        candidates=(Candidate(ada, 0.5, llr, 0.9),),
        margin=None,
        threshold=Threshold(4.0, "test"),
        speech=Speech(seconds, 20.0, 0.0, 8_000),
        channel=None,
        reason="",
    )


@pytest.mark.parametrize(
    ("decision", "llr", "seconds", "expected"),
    [
        ("accept", 7.0, 2.0, True),
        ("accept", 6.9, 2.0, False),
        ("accept", 7.0, 1.9, False),
        ("unknown", 1.0, 4.0, True),
        ("unknown", 1.1, 4.0, False),
        ("unknown", 1.0, 3.9, False),
        ("ambiguous", 9.0, 9.0, False),
        ("not_enough_speech", 9.0, 0.5, False),
        ("no_speakers", 0.0, 0.5, True),
    ],
)
def test_when_a_decision_is_early(decision: Decision, llr: float, seconds: float, expected: bool) -> None:
    assert is_decided_early(judged(decision, llr, seconds), EarlyDecisionOptions()) is expected
