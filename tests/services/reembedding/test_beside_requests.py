"""A gallery that moves to another encoder on a server keeps no request waiting."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from speakerid import SpeakerID
from speakerid.encoders.batching import Batcher
from speakerid.services.engine import Engine
from speakerid.services.reembedding import jobs
from speakerid.types import FloatArray
from tests.sampled import ADA, probe, utterance
from tests.services.reembedding.two_encoders import OTHER, beside, embeddings, move


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether what was embedded, one after the other, was in the background."""
    found, embed = list[bool](), Batcher.embed

    def noted(self: Batcher, waveforms: Sequence[FloatArray], *, background: bool = False) -> FloatArray:
        found.append(background)
        return embed(self, waveforms, background=background)

    monkeypatch.setattr(Batcher, "embed", noted)
    return found


@pytest.mark.parametrize("store_kind", ["sqlite"])
def test_what_is_made_anew_is_embedded_when_no_request_waits(engine: Engine, asked: list[bool]) -> None:
    sid = SpeakerID(engine)
    sid.change_gallery("default", keep_audio=True)
    sid.enroll(ADA, utterance(ADA, 0), utterance(ADA, 1))
    sid.identify(probe(ADA))
    assert set(asked) == {False}
    asked.clear()
    both = beside(engine)
    jobs.start(both, "default", OTHER)
    move(both)
    both.others[0].encoder.close()
    assert {name for name, _ in embeddings(both)} == {OTHER}
    assert asked == [True, True]
