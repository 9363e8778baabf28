"""Domains: what the folders of `--data` are read as."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speakerid.audio.limits import SAMPLE_RATE_HZ
from speakerid.calibration import domains
from speakerid.calibration.domains import Domain, DomainTake, own_domains
from speakerid.errors import FileMissing
from speakerid.types import FloatArray


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def seconds(count: float) -> FloatArray:
    return np.zeros(int(count * SAMPLE_RATE_HZ), np.float32)


def test_a_folder_per_speaker_is_one_domain(tmp_path: Path) -> None:
    (found,) = own_domains([touch(tmp_path / "office", "ada/1.wav", "ada/2.wav", "ben/1.wav", "ben/tuesday/2.wav")])
    assert (found.name, found.speakers) == ("office", ["ada", "ben"])
    assert [(take.speaker, take.session) for take in found.takes] == [
        ("ada", ""), ("ada", ""), ("ben", ""), ("ben", "tuesday"),
    ]  # fmt: skip


def test_a_folder_of_such_folders_is_as_many_domains(tmp_path: Path) -> None:
    touch(tmp_path, "phone/ada/1.wav", "phone/ben/monday/1.wav", "room/cleo/1.wav", "empty/x.txt")
    found = own_domains([tmp_path])
    assert [(one.name, one.speakers) for one in found] == [("phone", ["ada", "ben"]), ("room", ["cleo"])]
    assert [take.session for take in found[0].takes] == ["", "monday"]


@pytest.mark.parametrize("files", [(), ("1.wav",), ("ada/notes.txt",)])
def test_no_speakers_are_named_as_such(tmp_path: Path, files: tuple[str, ...]) -> None:
    with pytest.raises(FileMissing, match="one per speaker"):
        own_domains([touch(tmp_path / "data", *files)])


def test_sessions_are_not_taken_for_speakers(tmp_path: Path) -> None:
    touch(tmp_path, *(f"id{n}/video{k}/1.wav" for n in range(30) for k in range(2)))
    with pytest.raises(FileMissing, match="30 kinds"):
        own_domains([tmp_path])


def test_the_same_speakers_are_taken_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domains, "MOST_SPEAKERS", 3)
    monkeypatch.setattr(domains, "MOST_UTTERANCES", 15)
    takes = [DomainTake(f"s{n}", "", (Path(f"{n}-{k}.wav"),)) for n in range(9) for k in range(20)]
    first, again = Domain("d", tuple(takes)), Domain("d", tuple(reversed(takes)))
    assert len(first.speakers) == 3
    assert first.speakers == again.speakers
    for speaker in first.speakers:
        assert first.takes_of(speaker) == again.takes_of(speaker)
        assert len(first.takes_of(speaker)) == 5


def test_files_of_a_take_are_joined_and_long_takes_cut(tmp_path: Path) -> None:
    touch(tmp_path, "1.wav", "2.wav")
    take = DomainTake("ada", "", (tmp_path / "1.wav", tmp_path / "2.wav"))
    (joined,) = Domain("d", (take,)).utterances(take, lambda audio: seconds(5.0))
    assert len(joined.samples) == 10 * SAMPLE_RATE_HZ
    cut = Domain("d", (take,), piece_s=3.5).utterances(take, lambda audio: seconds(5.0))
    assert [len(one.samples) for one in cut] == [53_334, 53_333, 53_333]
    assert len({one.session for one in cut}) == 3  # of one recording without sessions: as good as it gets
    (held,) = Domain("d", ()).utterances(DomainTake("ada", "monday", take.files), lambda audio: seconds(1.0))
    assert held.session == "monday"
