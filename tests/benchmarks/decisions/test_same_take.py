"""What is counted of takes that come again, on the sample voices."""

from __future__ import annotations

import numpy as np

from benchmarks.decisions.same_take import CHANGES, alike, measured
from speakerid.audio.decode import decode
from tests.sampled import ADA, utterance

TAKES = [decode(utterance(ADA, nth)) for nth in range(3)]


def test_every_way_is_counted_and_takes_are_compared_in_both_orders() -> None:
    found = measured([TAKES])
    assert dict(found.compared) == dict(found.known) == dict.fromkeys(CHANGES, 2)
    assert (found.pairs, found.alarms, found.twice) == (6, 0, 0)
    assert max(found.farthest.values()) < 0.25 < 0.35 < found.nearest


def test_a_recording_that_lies_there_twice_is_no_false_alarm() -> None:
    found = measured([[TAKES[0], TAKES[1], TAKES[0][4_000:]]])
    assert (found.alarms, found.twice) == (0, 2)


def test_waveforms_are_alike_at_any_offset_and_level_but_not_by_chance() -> None:
    assert alike(TAKES[0], TAKES[0][8_000:] * np.float32(0.1)) > 0.9
    assert alike(TAKES[0], TAKES[1]) < 0.3
