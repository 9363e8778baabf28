"""Folders as people and systems leave them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from speakerid import samples
from speakerid.audio.enrollment_tree import enrollment_tree
from speakerid.errors import FileMissing

OPUS = samples.silence()


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(OPUS, path))


def skipped(root: Path) -> dict[str, str]:
    """By path in `root`, why."""
    return {one.path.relative_to(root).as_posix(): one.reason for one in enrollment_tree(root).skipped}


def test_what_a_file_is_decides_its_content_and_not_its_name(tmp_path: Path) -> None:
    files = [put(tmp_path / "Ada" / name) for name in ("a.OPUS", "b.dat", "c", "deep/er/d.mkv")]
    called_audio = put(tmp_path / "Ada" / "bad.wav")
    called_audio.write_text("text")
    (tmp_path / "Ada" / "notes.txt").write_text("text")
    (tmp_path / "Ada" / "empty.bin").touch()
    assert enrollment_tree(tmp_path).files == {tmp_path / "Ada": tuple(sorted([*files, called_audio]))}
    assert skipped(tmp_path)["Ada/notes.txt"].startswith("This is text")
    assert skipped(tmp_path)["Ada/empty.bin"] == "It is empty."


@pytest.mark.parametrize(
    "name", [".DS_Store", "._one.wav", ".hidden.wav", "Thumbs.db", "desktop.ini", "DESKTOP.INI", "Icon\r", ".git/a.wav"]
)
def test_what_systems_leave_is_passed_over_in_silence(tmp_path: Path, name: str) -> None:
    one = put(tmp_path / "Ada" / "one.wav")
    put(tmp_path / "Ada" / name)
    put(tmp_path / name)
    found = enrollment_tree(tmp_path)
    assert (found.files, found.skipped) == ({tmp_path / "Ada": (one,)}, ())


@pytest.mark.parametrize("folder", ["__MACOSX", ".Trashes", "$RECYCLE.BIN", "System Volume Information", "@eaDir"])
def test_no_folder_of_a_system_is_a_speaker(tmp_path: Path, folder: str) -> None:
    put(tmp_path / "Ada" / "one.wav")
    put(tmp_path / folder / "one.wav")
    found = enrollment_tree(tmp_path)
    assert ([one.name for one in found.files], found.skipped) == (["Ada"], ())


def test_links_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    elsewhere = put(tmp_path / "elsewhere" / "two.wav")
    root = tmp_path / "root"
    put(root / "Ada" / "one.wav")
    put(root / "Ben" / "three.wav")
    for name, to in (("more", elsewhere.parent), ("up", root), ("around", root / "Ada"), ("top", Path("/"))):
        (root / "Ada" / name).symlink_to(to)
    (root / "Ada" / "again").symlink_to(elsewhere.parent)
    (root / "Ada" / "gone.wav").symlink_to("nowhere")
    (root / "Ada" / "self").symlink_to("self")
    found = enrollment_tree(root)
    assert sorted(file.name for file in found.files[root / "Ada"]) == ["one.wav", "two.wav"]
    reasons = skipped(root)
    assert {name for name, why in reasons.items() if why == "It is a link that leads back."} in (
        {"Ada/up", "Ada/around", "Ada/top", "Ada/again"},
        {"Ada/up", "Ada/around", "Ada/top", "Ada/more"},
    )
    assert {reasons["Ada/gone.wav"], reasons["Ada/self"]} == {"It is a link that leads nowhere."}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes, which this system has not")
def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    put(tmp_path / "Ada" / "one.wav")
    os.mkfifo(tmp_path / "Ada" / "pipe.wav")
    assert skipped(tmp_path) == {"Ada/pipe.wav": "It is no regular file."}


def test_files_beside_the_folders_and_folders_without_audio_are_listed(tmp_path: Path) -> None:
    put(tmp_path / "Ada" / "one.wav")
    put(tmp_path / "loose.wav")
    (tmp_path / "Empty").mkdir()
    assert skipped(tmp_path) == {"loose.wav": "It lies in no speaker's folder.", "Empty": "It has no audio."}


def test_names_that_are_not_utf_8_are_read(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/Zo\xeb"
    os.mkdir(folder)
    shutil.copy(os.fsencode(OPUS), folder + b"/\xe9.wav")
    assert [os.fsencode(file.name) for files in enrollment_tree(tmp_path).files.values() for file in files] == [
        b"\xe9.wav"
    ]


def test_a_folder_for_nobody_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "loose.wav")
    with pytest.raises(FileMissing, match="no sub-folder with audio"):
        enrollment_tree(tmp_path)
