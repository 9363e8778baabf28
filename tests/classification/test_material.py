"""Labeled recordings from folders and tables, and how few are too few."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.classification.material import LabeledRecording, check_enough, groups, read_material
from speakerid.errors import MaterialTooLittle, MaterialUnusable


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_folders_are_labels_and_folders_inside_are_speakers(tmp_path: Path) -> None:
    touch(tmp_path / "yes" / "ada" / "1.wav", tmp_path / "no" / "ben" / "day2" / "1.wav", tmp_path / "no" / "loose.wav")
    touch(tmp_path / "no" / ".DS_Store", tmp_path / ".git" / "x", tmp_path / "README")
    found = {(one.path.name, one.label, one.speaker) for one in read_material(tmp_path)}
    assert found == {("1.wav", "yes", "ada"), ("1.wav", "no", "ben"), ("loose.wav", "no", None)}


def test_a_table_names_files_beside_it_and_what_is_held_out(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    table.write_text("\ufefflabel,file,speaker,split\nyes,a/1.wav,ada,train\nno,b.wav,,TEST\n", encoding="utf-8")
    assert read_material(table) == [
        LabeledRecording(tmp_path / "a" / "1.wav", "yes", "ada"),
        LabeledRecording(tmp_path / "b.wav", "no", None, held_out=True),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,speaker\na.wav,ada\n", "no column 'label'"),
        ("file,label\na.wav,\n", "Line 2 .* lacks"),
        ("file,label\n", "holds no labeled recordings"),
        ("", "no column 'file'"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "own.csv"
    table.write_text(text)
    with pytest.raises(MaterialUnusable, match=message):
        read_material(table)


def test_something_else_than_a_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "a.csv", tmp_path / "missing.csv"):
        with pytest.raises(MaterialUnusable, match="cannot be read as a table"):
            read_material(path)


def recordings(label: str, count: int, speakers: int) -> list[LabeledRecording]:
    return [LabeledRecording(Path(f"{label}{n}.wav"), label, f"s{n % speakers}") for n in range(count)]


def test_five_recordings_of_two_speakers_a_label_are_enough() -> None:
    check_enough(recordings("yes", 5, 2) + recordings("no", 5, 2))


@pytest.mark.parametrize(
    ("material", "message"),
    [
        (recordings("yes", 5, 2), "only the label 'yes'"),
        (recordings("yes", 5, 2) + recordings("no", 4, 2), "'no' has 4 recordings; 5 are needed"),
        (recordings("yes", 5, 2) + recordings("no", 9, 1), "All of 'no' is spoken by one person"),
    ],
)
def test_too_little_is_refused_with_what_lacks(material: list[LabeledRecording], message: str) -> None:
    with pytest.raises(MaterialTooLittle, match=message):
        check_enough(material)


def test_recordings_of_one_speaker_stay_together_and_unknown_ones_stand_alone() -> None:
    same = recordings("yes", 4, 2)
    assert groups(same)[0] == groups(same)[2] != groups(same)[1]
    alone = [LabeledRecording(Path(f"{n}.wav"), "no", None) for n in range(3)]
    assert len(set(groups(alone))) == 3
