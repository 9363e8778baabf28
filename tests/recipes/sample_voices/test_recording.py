"""How the samples are made, without any speech engine: the script, the room, the codec, the refusals."""

from pathlib import Path

import numpy as np
import pytest

from recipes.sample_voices.__main__ import lines, main
from recipes.sample_voices.engines import EngineError, SynthesizedSpeaker, speak
from recipes.sample_voices.recording import Room, microphone_noise, read, record, write_flac, write_opus
from speakerid import samples
from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.types import FloatArray

ROOM = Room(reverberation_s=0.2, direct_to_reverberant_db=10.0, snr_db=30.0, level_db=-23.0, lead_s=0.2, tail_s=0.3)


def tone(seconds: float) -> FloatArray:
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (0.1 * np.sin(2 * np.pi * 440.0 * time_s)).astype(np.float32)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def level_db(waveform: FloatArray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(waveform**2))))


def test_no_sentence_comes_twice() -> None:
    texts = [line.text for line in lines()]
    assert len(set(texts)) == len(texts) == 42


def test_the_script_names_exactly_the_committed_files() -> None:
    folder = Path(samples.__file__).parent
    committed = {path.relative_to(folder).as_posix() for path in folder.rglob("*.opus")}
    assert {line.file for line in lines()} == committed


def test_every_sentence_can_be_written_in_its_engines_encoding() -> None:
    for line in lines():
        assert line.text.encode(line.speaker.encoding).decode(line.speaker.encoding) == line.text


def test_a_recording_has_the_stated_length_level_and_noise() -> None:
    recorded = record(tone(1.0), ROOM, rng())
    assert recorded.size == round(1.5 * SAMPLE_RATE_HZ)
    assert level_db(recorded) == pytest.approx(-23.0, abs=0.1)
    assert level_db(recorded[: SAMPLE_RATE_HZ // 5]) == pytest.approx(-53.0, abs=1.0)


def test_the_same_seed_gives_the_same_recording_and_another_seed_another() -> None:
    first = record(tone(0.5), ROOM, rng())
    np.testing.assert_array_equal(first, record(tone(0.5), ROOM, rng()))
    assert not np.array_equal(first, record(tone(0.5), ROOM, np.random.default_rng(8)))


def test_noise_has_the_level_asked_for() -> None:
    assert level_db(microphone_noise(SAMPLE_RATE_HZ, -62.0, rng())) == pytest.approx(-62.0, abs=0.01)


def test_flac_returns_what_was_written(tmp_path: Path) -> None:
    write_flac(tmp_path / "a.flac", tone(0.5))
    np.testing.assert_allclose(read(tmp_path / "a.flac"), tone(0.5), atol=1 / 32767)


def test_opus_keeps_the_length_and_nearly_the_level(tmp_path: Path) -> None:
    recorded = record(tone(1.0), ROOM, rng())
    write_opus(tmp_path / "a.opus", recorded)
    decoded = read(tmp_path / "a.opus")
    assert decoded.size == pytest.approx(recorded.size, abs=SAMPLE_RATE_HZ // 50)  # one Opus frame of 20 ms
    assert level_db(decoded) == pytest.approx(level_db(recorded), abs=0.5)


def test_opus_bytes_do_not_change_from_run_to_run(tmp_path: Path) -> None:
    write_opus(tmp_path / "a.opus", tone(0.5))
    write_opus(tmp_path / "b.opus", tone(0.5))
    assert (tmp_path / "a.opus").read_bytes() == (tmp_path / "b.opus").read_bytes()


def test_a_missing_engine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="text2wave not found: apt-get install festival"):
        speak(
            SynthesizedSpeaker("a", "festival", "ked_diphone", "festvox-kdlpc16k", "ascii"),
            "Hello.",
            tmp_path / "a.wav",
        )


def test_a_missing_voice_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "text2wave", "echo unbound variable >&2; exit 255")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(EngineError, match=r"apt-get install festvox-kdlpc16k \(unbound variable\)"):
        speak(
            SynthesizedSpeaker("a", "festival", "ked_diphone", "festvox-kdlpc16k", "ascii"),
            "Hello.",
            tmp_path / "a.wav",
        )


def test_flite_may_not_answer_with_another_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "flite", "echo Voices available: kal awb")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(EngineError, match="flite has no voice slt"):
        speak(SynthesizedSpeaker("a", "flite", "slt", "flite", "utf-8"), "Hello.", tmp_path / "a.wav")


def test_the_command_ends_with_one_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        main(["--out", str(tmp_path / "out")])
    assert stopped.value.code == 1
    assert capsys.readouterr().err.startswith("error: text2wave not found")


def install(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
