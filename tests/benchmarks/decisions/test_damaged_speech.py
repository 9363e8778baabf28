"""What damage does to voiceprints, counted on the sample voices."""

from __future__ import annotations

from pathlib import Path

from benchmarks.decisions.damaged_speech import damages, harms
from speakerid import samples
from speakerid.calibration.domains import own_domains
from speakerid.encoders.fake import FakeEncoder


def test_every_damage_is_compared_with_none() -> None:
    (domain,) = own_domains([Path(samples.__file__).parent / "voices"])
    found = dict(harms(domain, FakeEncoder()))
    assert list(found) == list(damages())
    assert found["none"].misled == found["none"].too_short == 0.0
    assert found["none"].own > found["50% clipped"].own
    assert found["none"].own > found["noise at 0 dB"].own
