"""What is compared and how it is told; the figures themselves are the benchmark's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import voice_activity
from benchmarks.voice_activity import Agreement, DomainAgreement, agreement, measure, report
from speakerid import samples
from speakerid.audio.vad import SileroVad, VadOptions


def test_another_detector_does_not_agree() -> None:
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    heard = SileroVad()
    assert agreement(heard, heard, noise) == Agreement(32, 0.0, True)
    assert agreement(heard, SileroVad(VadOptions(max_gain=0.01)), noise).furthest > 0.0


def test_the_furthest_domain_is_first() -> None:
    near = DomainAgreement("near", (Agreement(10, 1e-7, True), Agreement(20, 1e-6, True)))
    far = DomainAgreement("far", (Agreement(10, 1e-4, False),))
    lines = list(report([near, far], 2.0, 6.0))
    assert lines[2:4] == ["| far | 1 | 0 | 10 | 1.0e-04 |", "| near | 2 | 2 | 30 | 1.0e-06 |"]
    assert lines[-1].endswith("3.0 times as many.")


def test_a_domain_is_read_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_activity, "FILES", 2)
    (tmp_path / "few").mkdir()
    for number, voice in enumerate(samples.voices().values()):
        (tmp_path / "few" / f"{number}.opus").symlink_to(voice.probes[0])
    found = measure(SileroVad(), SileroVad(), tmp_path, "few")
    assert (found.name, len(found.recordings), found.same_segments, found.furthest) == ("few", 2, 2, 0.0)
