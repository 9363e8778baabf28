from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speakerid.training.data import (
    SAMPLE_RATE_HZ,
    Source,
    hold_out_last,
    list_speakers,
    list_unlabeled,
    load,
    load_all,
    load_speech,
    strip_silence,
)
from speakerid.training.errors import (
    NoTrainingAudio,
    TooFewSpeakers,
    TrainingAudioTooShort,
    UnreadableTrainingAudio,
)
from tests.training.voices import speak, write_speech


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
    with pytest.raises(NoTrainingAudio):
        list_unlabeled(tmp_path, "c")


def test_the_last_speakers_are_held_out_with_all_their_files() -> None:
    sources = [Source(Path(f"{s}-{i}.wav"), "c", s) for s in ("a", "b", "c") for i in range(2)]
    split = hold_out_last(sources, 1)
    assert split.held_out_speakers == ("c",)
    assert {s.speaker for s in split.train} == {"a", "b"}
    assert len(split.held_out) == 2


def test_holding_out_nobody_keeps_everybody() -> None:
    sources = [Source(Path("a.wav"), "c", "a")]
    assert hold_out_last(sources, 0).train == tuple(sources)


def test_other_rates_and_channels_become_mono_16_khz(tmp_path: Path) -> None:
    stereo = np.stack([speak(120, 1.0), speak(120, 1.0)], axis=1)
    path = write_speech(tmp_path / "a.wav", stereo, rate_hz=48_000)
    loaded = load(path)
    assert loaded.dtype == np.float32
    assert loaded.shape == (len(stereo) // 3,)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.flac"
    bad.write_bytes(b"not audio at all")
    with pytest.raises(UnreadableTrainingAudio, match=r"bad\.flac") as caught:
        load(bad)
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
        load_speech(path, min_s=1.0)


def test_bad_files_can_be_left_out_by_name(tmp_path: Path) -> None:
    good = write_speech(tmp_path / "good.wav", speak(120, 1.0))
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF")
    short = write_speech(tmp_path / "short.wav", speak(120, 0.2))
    sources = [Source(p, "c") for p in (good, bad, short)]
    kept, left_out = load_all(sources, min_s=0.5, skip_bad=True)
    assert [source.path for source, _ in kept] == [good]
    assert [line.split(":")[0] for line in left_out] == ["unreadable_training_audio", "training_audio_too_short"]
    with pytest.raises(UnreadableTrainingAudio):
        load_all(sources, min_s=0.5)
