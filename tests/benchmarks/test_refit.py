from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.refit import WIDER, prior, say_progress
from speakerid import samples
from speakerid.calibration.domains import own_domains
from speakerid.calibration.encoder_calibration import calibrate, read
from speakerid.encoders.fake import FakeEncoder


def test_the_prior_is_of_all_encoders_and_wider_between_domains(capsys: pytest.CaptureFixture[str]) -> None:
    encoders = [FakeEncoder(16), FakeEncoder(24)]
    material = read(encoders, own_domains([Path(samples.__file__).parent / "voices"]), say_progress)
    one, other = (made.fitted.calibration for made in calibrate(material))
    found = prior(material)
    assert found.is_generic
    assert found.targets == one.targets + other.targets
    assert found.strangers.between == pytest.approx(WIDER * one.strangers.between)  # of the generic prior: one domain
    assert "voices: 7 of 7 speakers" in capsys.readouterr().err
