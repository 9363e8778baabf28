"""A gallery moves to an encoder whose embeddings have another length, while somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from speakerid import SpeakerID
from speakerid.db.models import GalleryRow
from speakerid.services import galleries, judge
from speakerid.services.engine import Engine
from speakerid.services.identify import identify
from speakerid.services.reembedding import jobs
from tests.sampled import ADA, probe, utterance
from tests.services.reembedding.two_encoders import OTHER, beside, move


@pytest.fixture
def both(engine: Engine) -> Iterator[Engine]:
    """Ada, with kept audio, and a second encoder with more numbers."""
    SpeakerID(engine).change_gallery("default", keep_audio=True)
    SpeakerID(engine).enroll(ADA, utterance(ADA))
    found = beside(engine, dim=48)
    yield found
    found.others[0].encoder.close()


def test_a_search_that_began_before_the_switch_is_done_again_by_the_new_encoder(
    both: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.start(both, "default", OTHER)
    compared = judge.comparable

    def then_moved(engine: Engine, gallery: GalleryRow) -> bool:
        found = compared(engine, gallery)
        if engine is both:
            move(both)
        return found

    monkeypatch.setattr(judge, "comparable", then_moved)
    answer = both.with_encoder(galleries.get(both, "default"), partial(identify, audio=probe(ADA)))
    assert (answer.encoder, answer.decision) == (both.others[0].encoder_label, "accept")
