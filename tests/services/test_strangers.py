"""Which voices of a recording are kept as nobody's."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.services.recording import DiarizedRecording
from speakerid.services.unknowns.strangers import strangers
from speakerid.types import Candidate, Decision, RecordedVoice, Recording, SpeakerRef, Speech

SPEECH = Speech(seconds=5.0, snr_db=20.0, clipping_ratio=0.0, bandwidth_hz=8_000)


def heard(*llrs: float, decision: Decision = "unknown", enrolled: int = 10, prior: float = 0.5) -> DiarizedRecording:
    """One voice; its candidates are as unlikely as whoever stays without a name."""
    voice = RecordedVoice(
        voice="unknown_1",
        decision=decision,
        speaker=None,
        candidates=tuple(Candidate(SpeakerRef("spk_1", "Ada"), 0.5, llr, 0.1) for llr in llrs),
        margin=None,
        threshold=None,
        speech=SPEECH,
        channel=None,
        reason="",
    )
    found = Recording(
        seconds=9.0,
        turns=(),
        voices=(voice,),
        speech_seconds=5.0,
        prior=prior,
        encoder="fake",
        calibration="default",
        reason="",
    )
    return DiarizedRecording(found, (np.ones(2, np.float32),), enrolled, None)


@pytest.mark.parametrize(
    ("one", "kept"),
    [
        (heard(-2.0, -3.0), True),
        (heard(2.0), True),
        (heard(2.4), False),  # one of ten, as likely as not
        (heard(2.0, 2.0), False),
        (heard(2.4, enrolled=100), True),
        (heard(2.0, prior=0.7), False),
        (heard(decision="no_speakers", enrolled=0), True),
        (heard(-2.0, decision="ambiguous"), False),
        (heard(-2.0, decision="not_enough_speech"), False),
    ],
)
def test_kept_is_who_is_less_likely_anybody_enrolled_than_nobody(one: DiarizedRecording, kept: bool) -> None:
    assert bool(strangers(one, one.recording)) == kept
