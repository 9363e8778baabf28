"""Injected faults: what they are made of, how they are counted, and that the whole measurement runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.enrollment_stage import EnrollmentStage
from benchmarks.fault_injection.faults import CLIPPED, FAULTS, GOOD, Attempt, DevUtterance, FaultCast, Injector, Kind
from benchmarks.fault_injection.measure import Judged, table
from speakerid.audio.decode import Preparer
from speakerid.audio.quality import clipping_ratio
from speakerid.audio.vad import SileroVad
from speakerid.scoring.coach import Findings
from speakerid.services.engine import Engine
from tests.sampled import ADA, BEN, probe, stranger, utterance

PREPARER = Preparer(SileroVad())


def take(voice: str, audio: bytes) -> DevUtterance:
    return DevUtterance(voice, PREPARER.decode(audio))


@pytest.fixture(scope="module")
def cast() -> FaultCast:
    noise = np.random.default_rng(5).standard_normal(16_000).astype(np.float32)
    return FaultCast(
        enrolled=(ADA, BEN),
        spare=[take(ADA, utterance(ADA, 2)), take(BEN, utterance(BEN, 2)), take(ADA, probe(ADA))],
        new=[take("Cleo", stranger(0))],
        single=[take("a file", stranger(1))],
        rooms=[np.array([1.0, 0.0, 0.3], np.float32)],
        noises=[noise],
    )


@pytest.fixture
def store_kind() -> str:
    return "sqlite"


def many(cast: FaultCast, kind: Kind, count: int = 20) -> list[Attempt]:
    injector = Injector(cast, seed=3)
    return [injector.attempt(kind) for _ in range(count)]


def test_equal_seeds_inject_equal_faults(cast: FaultCast) -> None:
    for kind in (GOOD, *FAULTS):
        first, again = (Injector(cast, 7).attempt(kind) for _ in range(2))
        assert (first.kind, first.spoken_by, first.speaker) == (again.kind, again.spoken_by, again.speaker)
        np.testing.assert_array_equal(first.samples, again.samples)


def test_every_sound_can_be_sent(cast: FaultCast) -> None:
    for kind in (GOOD, *FAULTS):
        for attempt in many(cast, kind, 5):
            assert attempt.samples.dtype == np.float32
            assert np.isfinite(attempt.samples).all()
            assert attempt.speaker in (*cast.enrolled, None)


def test_a_good_one_goes_to_its_own_speaker(cast: FaultCast) -> None:
    for attempt in many(cast, GOOD):
        assert attempt.speaker == (attempt.spoken_by if attempt.spoken_by in cast.enrolled else None)


def test_a_wrong_file_goes_to_another_speaker(cast: FaultCast) -> None:
    assert all(one.speaker not in (None, one.spoken_by) for one in many(cast, "wrong speaker's file"))


def test_the_same_person_goes_to_a_new_speaker(cast: FaultCast) -> None:
    assert all(one.speaker is None and one.spoken_by in cast.enrolled for one in many(cast, "same voice, two names"))


def test_clipped_ones_are_clipped(cast: FaultCast) -> None:
    shares = [clipping_ratio(one.samples) for one in many(cast, "clipped")]
    assert CLIPPED[0] * 0.9 < min(shares) < max(shares) < CLIPPED[1] * 1.1


def test_a_telephone_carries_nothing_above_4_khz(cast: FaultCast) -> None:
    for attempt in many(cast, "8 kHz among 16 kHz", 3):
        power = np.abs(np.fft.rfft(attempt.samples)) ** 2
        assert power[len(power) // 2 :].sum() < 1e-3 * power.sum()


def test_the_services_judge_and_nothing_stays(engine: Engine, cast: FaultCast) -> None:
    stage = EnrollmentStage(engine, "stage")
    for one in (take(ADA, utterance(ADA, 0)), take(ADA, utterance(ADA, 1)), take(BEN, utterance(BEN, 0))):
        stage.enroll(one.speaker, one.samples, whatever=True)
    ada, ben = cast.spare[:2]
    assert stage.review(ADA, ada.samples) == Findings((), ())
    for _ in range(2):  # what is only tried leaves nothing: the second time is like the first
        assert stage.review(None, cast.new[0].samples).refusals == ()
    assert stage.review(ADA, ben.samples).refusals == ("does_not_match_speaker",)
    assert stage.review(None, ada.samples).refusals == ("voice_already_enrolled",)
    assert stage.review(None, np.zeros(32_000, np.float32)).refusals == ("too_little_speech",)


def judged(kind: Kind, *refusals: str, warnings: tuple[str, ...] = ()) -> Judged:
    silence = np.zeros(1, np.float32)
    return Judged(Attempt(kind, "Ada", None, silence), Findings(refusals, warnings))  # type: ignore[arg-type]  # codes as texts


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (judged("two voices", "more_than_one_voice", "clipped"), "named"),
        (judged("two voices", "clipped"), "refused"),
        (judged("two voices", warnings=("two_voices",)), "warned"),
        (judged("two voices", warnings=("noisy",)), "missed"),
        (judged("8 kHz among 16 kHz", warnings=("bandwidth_differs",)), "warned"),
        (judged("8 kHz among 16 kHz", "does_not_match_speaker"), "refused"),
        (judged("silence", "too_little_speech"), "named"),
        (judged("silence"), "missed"),
    ],
)
def test_a_fault_counts_as_noticed_by_its_own_name(one: Judged, verdict: str) -> None:
    assert one.verdict == verdict


def test_the_table_adds_up() -> None:
    found = [judged(kind, "clipped") for kind in FAULTS] + [judged("clipped")]
    found += [judged(GOOD), judged(GOOD), judged(GOOD, "clipped"), judged(GOOD, warnings=("noisy",))]
    lines = table(found).splitlines()
    assert len(lines) == 2 + len(FAULTS) + 1 + 1 + 3
    rows = {line.split("|")[1].strip(): line for line in lines if line.startswith("| ")}
    assert rows["all"].startswith("| all | 8 | 1 | 6 | 0 | 1 | 87.5% [")
    assert rows["clipped"].startswith("| clipped | 2 | 1 | 0 | 0 | 1 | 50.0% [")
    assert "4 good enrollments: wrongly refused 25.0% [" in lines[-3]
    assert lines[-2:] == ["refused by: clipped 1; of 1 speakers", "warned by: noisy 1"]
    assert Counter(line.count("|") for line in lines if line.startswith("|")) == {8: 2 + len(FAULTS) + 1}


@pytest.mark.slow
def test_on_real_speech(speech_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A small run of the whole measurement, with the fake encoder, which errs much, but nothing must break."""
    from benchmarks.fault_injection import measure
    from speakerid.calibration import domains

    for name, value in {"ATTEMPTS": 28, "HELD_OUT": 12, "BYSTANDERS": 5, "SINGLES": 20, "JUDGED_ENROLLED": 3}.items():
        monkeypatch.setattr(measure, name, value)
    monkeypatch.setattr(domains, "MOST_SPEAKERS", 8)
    monkeypatch.setattr(domains, "MOST_UTTERANCES", 64)
    assert measure.main(["--speech", str(speech_root), "--encoder", "fake"]) == 0
    out = capsys.readouterr().out
    assert "| silence | 4 | 4 | 0 | 0 | 0 | 100.0%" in out
    assert "28 good enrollments" in out
