"""What is counted and how it is ordered; the figures themselves are the benchmark's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import conditioning
from benchmarks.conditioning import CHANGES, LOST, DomainShifts, Shift, almost_clipped, gain, report, rumble, shifts
from speakerid import samples
from speakerid.audio.decode import Preparer, decode
from speakerid.audio.vad import SileroVad
from speakerid.encoders.fake import FakeEncoder
from speakerid.types import FloatArray

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def voice() -> FloatArray:
    return decode(next(iter(samples.voices().values())).enroll[0].read_bytes())[: 3 * RATE_HZ]


def unmoved(**moved: tuple[float, float]) -> tuple[Shift, ...]:
    return tuple(Shift(change, *moved.get(change, (0.0, 0.0))) for change in CHANGES)


def test_changes_do_what_they_are_called(voice: FloatArray) -> None:
    assert np.abs(almost_clipped(voice)).max() == pytest.approx(0.99)
    np.testing.assert_allclose(gain(0.1)(voice), voice / 10, rtol=1e-6)
    rumbling = rumble(5.0, 0.0)(np.zeros(RATE_HZ, np.float32))
    spectrum = np.abs(np.fft.rfft(rumbling)) / (RATE_HZ / 2)
    assert int(spectrum.argmax()) == 5
    assert spectrum.max() == pytest.approx(0.1, rel=1e-3)
    assert all(change(voice).shape == voice.shape for change in CHANGES.values())


@pytest.mark.parametrize(
    ("distance", "snr_db", "beyond"), [(0.019, 0.99, False), (0.02, 0.0, True), (0.0, 1.0, True), (LOST, 0.0, True)]
)
def test_either_limit_counts(distance: float, snr_db: float, beyond: bool) -> None:
    assert Shift("offset", distance, snr_db).beyond == beyond


def test_a_recording_counts_once_and_the_worst_domain_is_first() -> None:
    fine, bad = DomainShifts("fine", (unmoved(),) * 2), DomainShifts("bad", (unmoved(offset=(0.5, 3.0)), unmoved()))
    both = DomainShifts("both", (unmoved(offset=(0.1, 0.0), **{"times 0.01": (0.3, 0.2)}), unmoved(offset=(0.0, 2.0))))
    lines = list(report([fine, bad, both]))
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| both", "| bad", "| fine"]
    assert lines[2] == "| both | 2 | 2 | 0.1000, 2.00 dB | 0.0000, 0.00 dB | 0.3000, 0.20 dB |"
    assert lines[-1] == "\nOf 6 recordings beyond 0.02 in cosine or 1.0 dB: offset 3, rumble 0, level 1."


def test_every_change_of_a_recording_is_measured(voice: FloatArray) -> None:
    found = list(shifts(FakeEncoder(), Preparer(SileroVad()), voice))
    assert [one.change for one in found] == list(CHANGES)
    assert found[0].distance < 1e-3
    assert list(shifts(FakeEncoder(), Preparer(SileroVad()), np.zeros(RATE_HZ, np.float32))) == []


def test_a_change_that_leaves_no_speech_is_the_worst(voice: FloatArray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditioning, "CHANGES", {"mute": np.zeros_like})
    (lost,) = shifts(FakeEncoder(), Preparer(SileroVad()), voice)
    assert (lost.distance, lost.beyond) == (LOST, True)


def test_a_domain_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "few" / "ada").mkdir(parents=True)
    for number, voice in enumerate(list(samples.voices().values())[:2]):
        (tmp_path / "few" / "ada" / f"{number}.opus").symlink_to(voice.probes[0])
    (tmp_path / "few" / "ada" / "silence.flac").symlink_to(samples.silence())
    found = conditioning.measure(FakeEncoder(), Preparer(SileroVad()), tmp_path, "few")
    assert (found.name, len(found.files)) == ("few", 2)
