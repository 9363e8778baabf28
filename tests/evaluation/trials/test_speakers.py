from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.evaluation.trials.known import Verification, recognize, warning
from speakerid.evaluation.trials.speakers import speakers_of
from speakerid.evaluation.trials.trial_list import read_trials


@pytest.mark.parametrize(
    "names",
    [
        ("id10001/aaa/1.wav", "id10001/bbb/1.wav", "id10002/aaa/1.wav"),
        ("wav/id10001/aaa/1.wav", "wav/id10001/bbb/1.wav", "wav/id10002/aaa/1.wav"),
        ("id10001-aaa-1", "id10001-bbb-1", "id10002-aaa-1"),
        ("ada/one.wav", "ada/two.wav", "ben/one.wav"),
        ("ada/monday/one.wav", "ada/friday/two.wav", "ben/monday/one.wav"),
        ("corpus/train/ada/1.wav", "corpus/train/ada/2.wav", "corpus/train/ben/1.wav"),
        ("ada-1", "ada-2", "ben-1"),
        ("ada_1", "ada_2", "ben_1"),
    ],
    ids=lambda names: names[0],
)
def test_speakers_are_told_from_names(tmp_path: Path, names: tuple[str, str, str]) -> None:
    (tmp_path / "list").write_text(f"1 {names[0]} {names[1]}\n0 {names[0]} {names[2]}\n")
    found = speakers_of(read_trials(tmp_path / "list"))
    assert found is not None
    assert found[0] == found[1] != found[2]


def test_names_that_contradict_a_label_are_not_believed(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("1 ada/1 ada/2\n0 ada/1 ada/3\n0 ada/1 ben/1\n")
    assert speakers_of(read_trials(tmp_path / "list")) is None


@pytest.mark.parametrize(
    ("protocol", "trials", "told"),
    [
        ("O", 37_611, None),
        ("O", 37_720, "uncleaned"),
        ("O", 550_894, "VoxCeleb1-H (cleaned), not of VoxCeleb1-O"),
        ("E", 1_000, "Do not quote this figure as VoxCeleb1-E"),
        ("H", 550_894, None),
    ],
)
def test_a_list_is_what_its_length_says(protocol: Verification, trials: int, told: str | None) -> None:
    found = warning(protocol, trials)
    assert found is None if told is None else found is not None and told in found


def test_known_lists() -> None:
    known = recognize(579_818)
    assert known is not None
    assert (known.name, known.file) == ("VoxCeleb1-E (cleaned)", "list_test_all2.txt")
    assert recognize(2) is None
