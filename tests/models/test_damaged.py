"""A fetched model that is not the measured one is named before anything is answered with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.bootstrap import fetched_segmentation, load_encoder
from speakerid.errors import ModelDamaged
from speakerid.settings import Settings


@pytest.fixture
def damaged(tmp_path: Path) -> Settings:
    for name in ("campplus", "segmentation"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").write_bytes(b"half a model")
    return Settings(models=tmp_path)


@pytest.mark.parametrize("spec", ["default", "campplus", "campplus+ecapa-mini"])
def test_an_encoder_of_a_damaged_model_is_refused(damaged: Settings, spec: str) -> None:
    with pytest.raises(ModelDamaged, match="models fetch"):
        load_encoder(spec, damaged)


def test_an_encoder_that_needs_no_fetched_model_does_not_look_at_them(damaged: Settings) -> None:
    assert load_encoder("ecapa-mini", damaged).name == "ecapa-mini"


def test_a_damaged_segmentation_is_refused(damaged: Settings) -> None:
    with pytest.raises(ModelDamaged, match="segmentation"):
        fetched_segmentation(damaged)


def test_without_segmentation_there_is_none(tmp_path: Path) -> None:
    assert fetched_segmentation(Settings(models=tmp_path)) is None
