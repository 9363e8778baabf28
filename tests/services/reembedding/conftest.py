"""A gallery that can move to another encoder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from speakerid import SpeakerID
from speakerid.services.engine import Engine
from speakerid.services.reembedding import work
from tests.sampled import ADA, BEN, utterance
from tests.services.reembedding.two_encoders import beside


@pytest.fixture
def both(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Ada and Ben with three utterances each, whose audio is kept, and two encoders."""
    monkeypatch.setattr(work, "AT_ONCE", 2)
    sid = SpeakerID(engine)
    sid.change_gallery("default", keep_audio=True, combining="weighted")
    for voice in (ADA, BEN):
        sid.enroll(voice, *(utterance(voice, nth) for nth in range(3)))
    found = beside(engine)
    yield found
    found.others[0].encoder.close()
