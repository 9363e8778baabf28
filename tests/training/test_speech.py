from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.training.errors import (
    NoTrainingAudio,
    TooFewSpeakers,
    TrainingAudioTooShort,
    UnreadableTrainingAudio,
)
from speakerid.training.speech import list_speakers, read_speech, strip_silence
from tests.training.made_up import person, speak, write_speech


def test_speakers_are_folders_in_string_order(tmp_path: Path) -> None:
    for speaker in ("9", "10", "2"):
        write_speech(tmp_path / speaker / "a.wav", speak(120, 0.6))
    assert [s.speaker for s in list_speakers(tmp_path, "c")] == ["10", "2", "9"]


def test_one_speaker_is_too_few(tmp_path: Path) -> None:
    write_speech(tmp_path / "only" / "a.wav", speak(120, 0.6))
    with pytest.raises(TooFewSpeakers, match="1 labeled speaker") as caught:
        list_speakers(tmp_path, "c")
    assert caught.value.code == "too_few_training_speakers"


def test_a_folder_without_audio_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("no sound")
    with pytest.raises(NoTrainingAudio, match=str(tmp_path)):
        list_speakers(tmp_path, "c")


def test_other_rates_and_channels_become_mono_16_khz(tmp_path: Path) -> None:
    stereo = np.stack([speak(120, 3.6), speak(120, 3.6)], axis=1)
    path = write_speech(tmp_path / "a.wav", stereo, rate_hz=48_000)
    loaded = read_speech(path)
    assert loaded.dtype == np.float32
    assert abs(len(loaded) - len(stereo) // 3) <= 320  # whole frames of 20 ms


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.flac"
    bad.write_bytes(b"not audio at all")
    with pytest.raises(UnreadableTrainingAudio, match=r"bad\.flac") as caught:
        read_speech(bad)
    assert caught.value.code == "unreadable_training_audio"


def test_margins_of_silence_are_cut_and_pauses_stay() -> None:
    quiet = np.zeros(SAMPLE_RATE_HZ, dtype=np.float32)
    word = speak(120, 0.5)
    stripped = strip_silence(np.concatenate([quiet, word, quiet, word, quiet]))
    assert abs(len(stripped) - 2 * SAMPLE_RATE_HZ) <= 640  # two frames of 20 ms
    assert len(strip_silence(quiet)) == 0


def test_too_little_sound_says_how_much_was_found(tmp_path: Path) -> None:
    quiet = np.zeros(SAMPLE_RATE_HZ, dtype=np.float32)
    path = write_speech(tmp_path / "short.wav", np.concatenate([quiet, speak(120, 0.3), quiet]))
    with pytest.raises(TrainingAudioTooShort, match=r"0\.3\d s of sound, 1\.00 s are needed"):
        read_speech(path, min_s=1.0)


def test_a_constant_offset_is_gone_from_what_is_learned(tmp_path: Path) -> None:
    path = write_speech(tmp_path / "offset.wav", person(1, 1.5, 0) + 0.1)
    assert abs(float(read_speech(path)[SAMPLE_RATE_HZ // 2 :].mean())) < 0.001
