"""A store that two of the sample voices are enrolled in."""

from __future__ import annotations

import pytest

from speakerid import SpeakerID
from tests.engines import EngineMaker
from tests.sampled import ADA, BEN, utterance


@pytest.fixture
def sid(open_engine: EngineMaker, store_url: str) -> SpeakerID:
    return SpeakerID(open_engine(store_url))


@pytest.fixture
def known(sid: SpeakerID) -> SpeakerID:
    for voice in (ADA, BEN):
        sid.enroll(voice, *(utterance(voice, nth) for nth in range(3)))
    return sid
