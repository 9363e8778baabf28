from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from speakerid import samples
from speakerid.evaluation import other_recordings


def test_no_recording_is_compared_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two voices with two recordings each and one of a third: of every recording one target, under 5 x 2 conditions."""
    several = list(samples.voices().items())[:3]
    for place, (name, voice) in enumerate(several):
        folder = tmp_path / ("dev" if place < 2 else "train") / name
        folder.mkdir(parents=True)
        for file in voice.enroll[: 2 if place < 2 else 1]:
            shutil.copy(file, folder)
    assert other_recordings.main(["--speech", str(tmp_path), "--encoder", "fake"]) == 0
    heading, columns, cosine, *_ = capsys.readouterr().out.splitlines()
    # 4 probes, each with one other recording of its speaker, two of the other one and one of the third
    assert "40 target trials of 2 speakers and 120 non-target trials with 1 more" in heading
    assert "3 s, 10 dB" in columns
    assert cosine.startswith("cosine")
