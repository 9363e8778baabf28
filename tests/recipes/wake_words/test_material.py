"""What the classifier that ships is trained on: the words by their folders, and other sounds that outweigh nothing."""

from __future__ import annotations

from pathlib import Path

from recipes.wake_words.__main__ import FALSE_ALARMS, MATERIAL, other_sounds, words
from speakerid.classification.heads import UNKNOWN


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_a_word_is_labeled_by_its_folder(tmp_path: Path) -> None:
    put(tmp_path / "words", "alexa/b.opus", "alexa/a.opus", "computer/c.opus", "computer/notes.txt")
    found = [(one.path.name, one.label, one.speaker) for one in words(tmp_path)]
    assert found == [("a.opus", "alexa", None), ("b.opus", "alexa", None), ("c.opus", "computer", None)]


def test_other_sounds_are_every_so_many_of_a_folder_and_no_impulse_response(tmp_path: Path) -> None:
    put(tmp_path / "field/ocean", *(f"s{nth:02}/{nth}.opus" for nth in range(41)))
    put(tmp_path / "noise", "kitchen.flac", "rir1.flac")
    found = other_sounds(tmp_path)
    assert {one.label for one in found} == {UNKNOWN}
    assert [one.path.name for one in found] == ["0.opus", "20.opus", "40.opus", "kitchen.flac"]


def test_false_alarms_are_counted_where_nothing_was_learned() -> None:
    assert not set(FALSE_ALARMS) & set(MATERIAL)
