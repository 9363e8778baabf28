"""Measures of who speaks when: figures by hand, made conversations, and all of it on real speech."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from benchmarks.recordings import long_recording
from benchmarks.recordings.cases import answered, enroll, made, meetings
from benchmarks.recordings.diarization import der, names
from benchmarks.recordings.naming_errors import naming_errors
from benchmarks.recordings.reference import (
    STRANGER,
    ReferenceTurn,
    diarization_errors,
    identification_errors,
)
from recipes.simulation.conversations import (
    Cast,
    CastMember,
    Conversation,
    Scene,
    cast_to_fit,
    cast_to_measure,
    conversations,
)
from speakerid import SpeakerID
from speakerid.bootstrap import build_engine
from speakerid.settings import Settings
from speakerid.types import FloatArray

TRUTH = [ReferenceTurn(0.0, 10.0, "ada"), ReferenceTurn(10.0, 20.0, "ben")]


def test_der_by_hand() -> None:
    """2 s confused, 1 s missed, 3 s of false alarm, in 20 s."""
    answer = [
        ReferenceTurn(0.0, 9.0, "x"),
        ReferenceTurn(10.0, 12.0, "x"),
        ReferenceTurn(12.0, 20.0, "y"),
        ReferenceTurn(22.0, 25.0, "y"),
    ]
    found = diarization_errors(TRUTH, answer, 30.0, 0.0)
    assert [found.total, found.missed, found.false_alarm, found.confused] == pytest.approx([20.0, 1.0, 3.0, 2.0])
    assert found.rate == pytest.approx(6.0 / 20.0)


def test_a_collar_forgives_a_quarter_of_a_second_on_each_side() -> None:
    late = [ReferenceTurn(0.0, 10.24, "x"), ReferenceTurn(10.24, 20.0, "y")]
    assert diarization_errors(TRUTH, late, 20.0, 0.0).confused == pytest.approx(0.24)
    assert diarization_errors(TRUTH, late, 20.0, 0.25).rate == 0.0
    later = [ReferenceTurn(0.0, 10.35, "x"), ReferenceTurn(10.35, 20.0, "y")]
    assert diarization_errors(TRUTH, later, 20.0, 0.25).confused == pytest.approx(0.1)


def test_names_matter_for_identification_only() -> None:
    swapped = [ReferenceTurn(0.0, 10.0, "ben"), ReferenceTurn(10.0, 20.0, "ada")]
    assert diarization_errors(TRUTH, swapped, 20.0, 0.0).rate == 0.0
    assert identification_errors(TRUTH, swapped, 20.0).rate == 1.0


def test_two_at_once_cost_whoever_names_one() -> None:
    both = [ReferenceTurn(0.0, 10.0, "ada"), ReferenceTurn(8.0, 18.0, "ben")]
    found = diarization_errors(both, [ReferenceTurn(0.0, 9.0, "x"), ReferenceTurn(9.0, 18.0, "y")], 20.0, 0.0)
    assert [found.total, found.missed] == pytest.approx([20.0, 2.0])


def test_naming_errors_by_hand() -> None:
    truth = [ReferenceTurn(0.0, 10.0, "ada"), ReferenceTurn(10.0, 20.0, STRANGER), ReferenceTurn(20.0, 24.0, "ben")]
    voices = [
        ("ada", [ReferenceTurn(0.0, 8.0, ""), ReferenceTurn(10.0, 11.0, "")]),  # a second of the stranger too
        ("ben", [ReferenceTurn(12.0, 15.0, "")]),  # the stranger under a wrong name
        (STRANGER, [ReferenceTurn(20.0, 24.0, "")]),
    ]
    found = naming_errors(truth, voices, 36.0)
    assert found.hours == pytest.approx(0.01)
    assert [found.strangers, found.strangers_named] == pytest.approx([10.0, 4.0])
    assert [found.known, found.known_named] == pytest.approx([14.0, 8.0])
    assert (found.wrong_names, found.names, found.names_twice) == (1, 2, 0)
    assert naming_errors(truth, [voices[0], voices[0]], 36.0).names_twice == 1
    assert (found + found).wrong_names == 2


def test_strangers_named_near_and_far_from_the_named_speaker() -> None:
    truth = [ReferenceTurn(0.0, 10.0, "ada"), ReferenceTurn(10.0, 20.0, STRANGER), ReferenceTurn(15.0, 16.0, "ben")]
    found = naming_errors(truth, [("ada", [ReferenceTurn(9.0, 10.4, ""), ReferenceTurn(15.5, 17.0, "")])], 36.0)
    assert found.strangers_named == pytest.approx(1.9)
    assert [found.at_borders, found.near_borders, found.shared] == pytest.approx([0.25, 0.15, 0.5], abs=0.011)


@pytest.fixture(scope="module")
def cast() -> Cast:
    random = np.random.default_rng(0)
    pieces = [tuple(_tone(100.0 + 40 * nth, seconds, random) for seconds in (2, 3, 4, 2)) for nth in range(8)]
    noise = random.standard_normal(80_000).astype(np.float32)
    return Cast(
        tuple(CastMember(f"s{nth}", spoken, spoken[:1] if nth % 2 else None) for nth, spoken in enumerate(pieces)),
        (noise,),
    )


def _tone(hz: float, seconds: int, random: np.random.Generator) -> FloatArray:
    at = np.arange(seconds * 16_000) / 16_000
    return (np.sin(2 * np.pi * hz * at) + 0.1 * random.standard_normal(len(at))).astype(np.float32)


def test_conversations_are_as_announced(cast: Cast) -> None:
    found = list(conversations(cast, 14, 3))
    assert [len({turn.speaker for turn in one.turns}) for one in found[:7]] == [2, 3, 4, 5, 6, 7, 8]
    shares = [_overlap(one) for one in found]
    assert np.mean(shares) == pytest.approx(Scene().overlap, abs=0.03)
    for one in found:
        assert one.enrolled == {turn.speaker for turn in one.turns if int(turn.speaker[1:]) % 2}


def test_equal_seeds_make_equal_conversations(cast: Cast) -> None:
    first, again, other = (next(conversations(cast, 1, seed)) for seed in (3, 3, 4))
    assert np.array_equal(first.samples, again.samples)
    assert first.turns == again.turns
    assert first.turns != other.turns


def test_noise_is_15_db_below_the_speech(cast: Cast) -> None:
    one = next(conversations(cast, 1, 3))
    talking = np.zeros(len(one.samples), np.bool_)
    for turn in one.turns:
        talking[slice(*turn.span)] = True
    speech, noise = (float(np.mean(one.samples[mask] ** 2)) for mask in (talking, ~talking))
    assert 10 * np.log10((speech - noise) / noise) == pytest.approx(Scene().snr_db, abs=0.5)


def _overlap(one: Conversation) -> float:
    """Share of all speech that is spoken while somebody else speaks."""
    count = np.zeros(len(one.samples), np.intp)
    for turn in one.turns:
        count[slice(*turn.span)] += 1
    return float((count > 1).sum() / count.sum())


def test_nobody_is_fitted_and_measured_on(speech_root: Path) -> None:
    fitted, tested = (
        {voice.name for voice in cast_of(speech_root).voices} for cast_of in (cast_to_fit, cast_to_measure)
    )
    assert (len(fitted), len(tested)) == (21, 27)
    assert not fitted & tested


def test_a_long_file_is_what_was_asked_for(tmp_path: Path) -> None:
    import soundfile

    pieces = [np.full(1_000, 0.25, np.float32), np.full(700, -0.5, np.float32)]
    long_recording.write_repeated(pieces, 1.0, tmp_path / "long.wav")
    found, rate = soundfile.read(tmp_path / "long.wav")
    assert (len(found), rate) == (16_000, 16_000)
    assert np.allclose(found, np.resize(np.concatenate(pieces), 16_000), atol=1e-4)


@pytest.mark.slow
def test_real_speech_is_told_apart(speech_root: Path, fetched_models: Path, tmp_path: Path) -> None:
    cast = cast_to_measure(speech_root)
    settings = Settings(store=str(tmp_path / "voices.db"), models=fetched_models)
    engine = build_engine(settings)
    with closing(engine):
        sid = SpeakerID(engine)
        enroll(sid, cast)
        answers = answered(sid, list(made(cast, 7)))
    assert der(answers, 0.0).rate < 0.15
    found = names(answers)
    assert found.names_twice == 0
    assert found.names > 0
    assert len(list(meetings(speech_root / "ami"))) == 11


@pytest.mark.slow
def test_half_an_hour_takes_bounded_memory(speech_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert long_recording.main(["--speech", str(speech_root), "--hours", "0.5"]) == 0
    printed = capsys.readouterr().out
    assert float(printed.split("peak memory ")[1].split(" MiB")[0]) < 450.0
    assert float(printed.split(" x real time")[0].split()[-1]) > 30.0
