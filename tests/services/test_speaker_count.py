from __future__ import annotations

import pytest

from speakerid.diarization.clustering import Count
from speakerid.errors import InvalidRequest
from speakerid.services.speaker_count import SpeakerCount


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (SpeakerCount(), Count(1, None)),
        (SpeakerCount(speakers=3), Count(3, 3)),
        (SpeakerCount(min_speakers=2), Count(2, None)),
        (SpeakerCount(min_speakers=2, max_speakers=2), Count(2, 2)),
        (SpeakerCount(max_speakers=4), Count(1, 4)),
    ],
)
def test_a_count_is_a_number_or_bounds(asked: SpeakerCount, count: Count) -> None:
    assert asked.checked() == count


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (SpeakerCount(speakers=0), "'speakers' is 1 to 1000"),
        (SpeakerCount(min_speakers=0), "'min_speakers' is 1 to 1000"),
        (SpeakerCount(max_speakers=1001), "'max_speakers' is 1 to 1000"),
        (SpeakerCount(speakers=2, max_speakers=3), "either 'speakers', or"),
        (SpeakerCount(min_speakers=3, max_speakers=2), "'min_speakers', 3, is more than 'max_speakers', 2"),
    ],
)
def test_a_wrong_count_says_what_is_wrong(asked: SpeakerCount, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        asked.checked()
