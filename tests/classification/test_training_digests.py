"""What a classifier keeps of the recordings that it learned from."""

from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.classification.classifier import TrainedClassifier
from speakerid.classification.material import LabeledRecording, read_material
from speakerid.classification.training import train
from speakerid.classification.training_digests import DIGEST_BYTES, FILE, NONE, digest, read_digests, write_digests
from speakerid.errors import ClassifierUnreadable
from tests.classification.tone_classifier import write_tones
from tests.classification.toys import ToneBackbone, write_material


def test_all_recordings_that_were_trained_on_are_known_and_no_others(tmp_path: Path) -> None:
    material = read_material(write_material(tmp_path / "data"))
    used, held_out = material[2:], [LabeledRecording(one.path, one.label, one.speaker, True) for one in material[:2]]
    train("tones", [*used, *held_out], ToneBackbone()).classifier.save(tmp_path / "made")
    found = TrainedClassifier.load(tmp_path / "made", lambda name: ToneBackbone()).digests
    assert found == {digest(one.path) for one in used}
    assert (tmp_path / "made" / FILE).stat().st_size == DIGEST_BYTES * len(used)


def test_no_name_is_kept(tmp_path: Path) -> None:
    for speaker in write_material(tmp_path / "data").glob("*/s0"):
        speaker.rename(speaker.with_name("Ada Lovelace"))
    train("tones", read_material(tmp_path / "data"), ToneBackbone()).classifier.save(tmp_path / "made")
    for file in (tmp_path / "made").iterdir():
        assert not any(name in file.read_bytes() for name in (b"Ada", b"Lovelace", b".wav", b"s1"))


def test_a_classifier_that_was_trained_before_has_none(tmp_path: Path) -> None:
    folder = write_tones(tmp_path)
    (folder / FILE).unlink()
    assert TrainedClassifier.load(folder, lambda name: ToneBackbone()).digests == NONE


def test_what_is_written_is_read(tmp_path: Path) -> None:
    known = frozenset({b"12345678", b"\0" * 8, b"abcdefgh"})
    write_digests(tmp_path, known)
    assert read_digests(tmp_path) == known
    (tmp_path / FILE).write_bytes(b"123")
    with pytest.raises(ClassifierUnreadable, match="damaged"):
        read_digests(tmp_path)
