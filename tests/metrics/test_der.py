from __future__ import annotations

import pytest

from speakerid.metrics.der import DiarizationErrors, SpeakerTurn, diarization_errors, identification_errors

TRUTH = [SpeakerTurn(0.0, 10.0, "ada"), SpeakerTurn(10.0, 20.0, "ben")]
ANSWER = [SpeakerTurn(0.0, 12.0, "ada"), SpeakerTurn(12.0, 19.0, "cat")]
WHOLE = [(0.0, 20.0)]


def test_names_are_mapped_for_der_and_must_be_right_for_ier() -> None:
    assert diarization_errors(TRUTH, ANSWER, WHOLE, 0.0) == DiarizationErrors(20.0, missed=1.0, confused=2.0)
    assert identification_errors(TRUTH, ANSWER, WHOLE, 0.0) == DiarizationErrors(20.0, missed=1.0, confused=9.0)


def test_a_collar_lies_on_each_side_of_a_boundary() -> None:
    found = diarization_errors(TRUTH, ANSWER, WHOLE, 0.25)
    assert (found.total, found.missed, found.confused) == pytest.approx((19.0, 0.75, 1.75))


def test_two_who_speak_at_once_count_twice() -> None:
    both = [SpeakerTurn(0.0, 10.0, "ada"), SpeakerTurn(5.0, 10.0, "ben")]
    assert diarization_errors(both, both[:1], WHOLE, 0.0) == DiarizationErrors(15.0, missed=5.0)


def test_what_is_not_counted_is_no_error() -> None:
    assert diarization_errors(TRUTH, ANSWER, [(0.0, 5.0), (19.5, 30.0)], 0.0) == DiarizationErrors(5.5, missed=0.5)


def test_rates_add_up_in_seconds() -> None:
    summed = DiarizationErrors(10.0, missed=1.0) + DiarizationErrors(30.0, false_alarm=2.0, confused=1.0)
    assert (summed, summed.rate) == (DiarizationErrors(40.0, 1.0, 2.0, 1.0), 0.1)
    assert DiarizationErrors().rate == 0.0
