"""The coach's judgement of what was measured."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from speakerid.scoring.calibration import GENERIC
from speakerid.scoring.coach import NEVER, UNFITTED, CoachEvidence, CoachLimit, CoachLimits, Findings, judge
from speakerid.scoring.multi_speaker_detector import MultiSpeakerModel
from speakerid.types import Speech

GOOD = Speech(seconds=4.0, snr_db=30.0, clipping_ratio=0.0, bandwidth_hz=8000)
LIMITS = CoachLimits(
    match_llr=CoachLimit(refuse=-4.0, warn=-1.0),
    voices=MultiSpeakerModel(1.0, -10.0, 2.0),
    voices_llr=CoachLimit(refuse=3.0, warn=1.0),
)
ELSEWHERE = CoachLimit(refuse=8.0, warn=5.0)
FINE = CoachEvidence(GOOD, needed_s=1.0, elsewhere=ELSEWHERE)


def test_a_good_recording_is_left_alone() -> None:
    assert judge(FINE, LIMITS) == Findings((), ())
    assert judge(replace(FINE, voices_llr=0.9, match_llr=2.0, elsewhere_llr=4.9), LIMITS) == Findings((), ())


@pytest.mark.parametrize(
    ("found", "refusals", "warnings"),
    [
        ({"speech": replace(GOOD, seconds=0.9)}, ("too_little_speech",), ()),
        ({"speech": replace(GOOD, clipping_ratio=0.02)}, (), ("clipped",)),
        ({"speech": replace(GOOD, clipping_ratio=0.6)}, ("clipped",), ()),
        ({"speech": replace(GOOD, snr_db=9.0)}, (), ("noisy",)),
        ({"speech": replace(GOOD, snr_db=-20.0)}, (), ("noisy",)),
        ({"speech": replace(GOOD, snr_db=None)}, (), ()),
        ({"speech": replace(GOOD, bandwidth_hz=4000)}, (), ("narrow_band",)),
        ({"speech": replace(GOOD, bandwidth_hz=4000), "bandwidths_hz": (4000, 3750)}, (), ("narrow_band",)),
        (
            {"speech": replace(GOOD, bandwidth_hz=4000), "bandwidths_hz": (8000, 7750, 4000)},
            (),
            ("narrow_band", "bandwidth_differs"),
        ),
        ({"bandwidths_hz": (4000,)}, (), ("bandwidth_differs",)),
        ({"voices_llr": 2.0}, (), ("two_voices",)),
        ({"voices_llr": 3.5}, ("more_than_one_voice",), ()),
        ({"match_llr": -2.0}, (), ("weak_match",)),
        ({"match_llr": -5.0}, ("does_not_match_speaker",), ()),
        ({"elsewhere_llr": 6.0}, (), ("similar_voice",)),
        ({"elsewhere_llr": 9.0}, ("voice_already_enrolled",), ()),
    ],
)
def test_beyond_a_limit_comes_a_warning_and_beyond_the_next_a_refusal(
    found: dict[str, object], refusals: tuple[str, ...], warnings: tuple[str, ...]
) -> None:
    assert judge(replace(FINE, **found), LIMITS) == Findings(refusals, warnings)  # type: ignore[arg-type]  # of the types that its callers give


def test_a_voice_that_was_enrolled_twice_on_purpose_may_go_on() -> None:
    """It matches both speakers; only a weak match here makes a sure one elsewhere a reason."""
    assert judge(replace(FINE, match_llr=9.0, elsewhere_llr=10.0), LIMITS) == Findings((), ("similar_voice",))
    assert judge(replace(FINE, match_llr=-2.0, elsewhere_llr=10.0), LIMITS) == Findings(
        ("does_not_match_speaker",), ("similar_voice",)
    )


def test_the_gravest_comes_first() -> None:
    worst = CoachEvidence(Speech(0.5, 0.0, 0.6, 8000), 1.0, (), 9.0, None, 9.0, ELSEWHERE)
    assert judge(worst, LIMITS).refusals == (
        "too_little_speech",
        "clipped",
        "more_than_one_voice",
        "voice_already_enrolled",
    )


def test_an_unfitted_encoder_refuses_what_is_less_alike_than_strangers_are() -> None:
    usual = GENERIC.llr_of(GENERIC.strangers.mean)
    assert judge(replace(FINE, voices_llr=99.0, match_llr=usual + 0.1), UNFITTED) == Findings((), ())
    assert judge(replace(FINE, match_llr=usual - 0.1), UNFITTED) == Findings((), ("weak_match",))
    worst = CoachEvidence(Speech(0.5, 0.0, 0.2, 8000), 1.0, (), 99.0, -99.0, 99.0, NEVER)
    assert judge(worst, UNFITTED) == Findings(("too_little_speech", "does_not_match_speaker"), ("clipped", "noisy"))


def test_limits_come_back_from_their_file() -> None:
    assert CoachLimits.from_dict(json.loads(json.dumps(LIMITS.to_dict()))) == LIMITS


@pytest.mark.parametrize(("llr", "voices"), [(None, None), (-5.0, 1), (2.9, 1), (3.1, 2), (math.inf, 2)])
def test_voices_are_counted_up_to_two(llr: float | None, voices: int | None) -> None:
    assert LIMITS.count(llr) == voices
