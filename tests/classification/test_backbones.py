"""Backbones take whatever a recording is: short, silent, long; and are known by graph and front end."""

from __future__ import annotations

import numpy as np
import pytest

from speakerid.classification.backbones import MIN_SAMPLES, EncoderBackbone, filled_up, load_graph
from speakerid.encoders.fake import FakeEncoder
from speakerid.encoders.registry import NOWHERE
from speakerid.errors import BackboneNotFound
from speakerid.settings import Settings
from tests.classification.toys import whistle

FETCHED = Settings().models_folder
DIMS = {"speech-embedding": 96, "campplus": 1024}


def test_what_is_too_short_is_filled_up_with_silence_on_both_sides() -> None:
    found = filled_up(np.ones(100, np.float32))
    assert len(found) == MIN_SAMPLES
    assert found.sum() == 100.0
    assert found[0] == found[-1] == 0.0


def test_a_long_recording_is_left_as_it_is() -> None:
    audio = whistle("low", 0, 0)
    assert filled_up(audio) is audio


def test_an_encoder_is_a_backbone_of_one_frame() -> None:
    encoder = FakeEncoder()
    backbone = EncoderBackbone(encoder)
    found = backbone.features(whistle("low", 0, 0))
    assert found.shape == (1, encoder.dim)
    assert (backbone.name, backbone.fingerprint) == (encoder.name, encoder.fingerprint)


@pytest.mark.parametrize("name", sorted(DIMS))
def test_a_backbone_that_was_not_fetched_says_how_to_get_it(name: str) -> None:
    with pytest.raises(BackboneNotFound, match="models fetch"):
        load_graph(name, NOWHERE)


@pytest.mark.parametrize("name", sorted(DIMS))
@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0, 12.0])
def test_fetched_backbones_take_recordings_of_any_length(name: str, seconds: float) -> None:
    try:
        backbone = load_graph(name, FETCHED)
    except BackboneNotFound as error:
        pytest.skip(str(error))
    found = backbone.features(whistle("low", 0, 0, seconds))
    assert found.shape[1] == DIMS[name]
    assert len(found) >= 1
    assert np.isfinite(found).all()
