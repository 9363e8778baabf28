from __future__ import annotations

from pathlib import Path

import pytest

from speakerid.errors.extras import ExtraMissing
from speakerid.evaluation.errors import (
    BadEntry,
    BadLine,
    EmptyList,
    ListMissing,
    NotRttm,
    NotUem,
    UnpairedRecordings,
)
from speakerid.evaluation.rttm import Diarization, evaluate_rttm, read_rttm, read_uem
from speakerid.metrics.der import SpeakerTurn


def line(recording: str, start: float, end: float, speaker: str) -> str:
    return f"SPEAKER {recording} 1 {start:.3f} {end - start:.3f} <NA> <NA> {speaker} <NA> <NA>\n"


REFERENCE = line("m1", 0, 10, "ada") + line("m1", 10, 20, "ben") + line("m2", 0, 4, "ada")
HYPOTHESIS = line("m1", 0, 12, "ada") + line("m1", 12, 19, "cat") + line("m2", 0, 5, "ada")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def measured(
    folder: Path, reference: str, hypothesis: str, *, collar_s: float = 0.0, uem: str | None = None
) -> Diarization:
    sides = write(folder / "reference.rttm", reference), write(folder / "hypothesis.rttm", hypothesis)
    part = None if uem is None else write(folder / "part.uem", uem)
    found = evaluate_rttm(*sides, collar_s=collar_s, uem=part).report.figures["diarization"]
    assert isinstance(found, Diarization)
    return found


def test_errors_by_hand(tmp_path: Path) -> None:
    found = measured(tmp_path, REFERENCE, HYPOTHESIS)
    one, other = found.recordings
    # m1: 2 of 20 s of ben called ada, 1 s missed; cat is ben to DER, and no one of the reference to IER
    assert (one.recording, one.speech_s) == ("m1", 20.0)
    assert (one.der, one.missed, one.false_alarm, one.confusion, one.ier) == pytest.approx((15, 5, 0, 10, 50))
    assert (other.der, other.missed, other.false_alarm, other.confusion, other.ier) == pytest.approx((25, 0, 25, 0, 25))
    assert found.all.der == pytest.approx(100 * 4 / 24)  # seconds are added up, not rates
    assert found.all.ier == pytest.approx(100 * 11 / 24)


def test_the_collar_lies_on_each_side_of_a_boundary(tmp_path: Path) -> None:
    found = measured(tmp_path, REFERENCE, HYPOTHESIS, collar_s=0.25)
    assert [one.speech_s for one in found.recordings] == [20 - 0.25 - 0.5 - 0.25, 4 - 0.5]
    assert found.recordings[0].confusion == pytest.approx(100 * 1.75 / 19)
    assert found.recordings[1].false_alarm == pytest.approx(100 * 0.75 / 3.5)


def test_overlapping_speech_counts_for_each_speaker(tmp_path: Path) -> None:
    found = measured(tmp_path, line("m", 0, 10, "a") + line("m", 5, 10, "b"), line("m", 0, 10, "x"))
    assert found.all.speech_s == 15.0
    assert (found.all.der, found.all.missed, found.all.ier) == pytest.approx((100 / 3, 100 / 3, None))


def test_no_one_speaks_twice_at_a_time(tmp_path: Path) -> None:
    twice = line("m", 0, 6, "a") + line("m", 4, 10, "a") + line("m", 5, 7, "b")
    found = read_rttm(write(tmp_path / "m.rttm", twice))
    assert found.turns == {"m": (SpeakerTurn(0.0, 10.0, "a"), SpeakerTurn(5.0, 7.0, "b"))}


def test_only_what_the_uem_names_counts(tmp_path: Path) -> None:
    found = measured(tmp_path, REFERENCE, HYPOTHESIS, uem="m1 1 0 11\nm1 1 10.5 12\nm2 1 0.0 4.0\nm3 1 0 1\n")
    assert [one.speech_s for one in found.recordings] == [12.0, 4.0]
    assert found.recordings[0].confusion == pytest.approx(100 * 2 / 12)
    assert found.recordings[1].der == 0.0


def test_folders_pair_up_by_recording_and_an_empty_file_is_silence(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    write(here / "a.rttm", REFERENCE.replace("m2", "m1"))
    write(here / "quiet.rttm", "")
    write(there / "b.rttm", HYPOTHESIS.replace("m2", "m1"))
    write(there / "quiet.rttm", ";; nobody\n")
    m1, quiet = evaluate_rttm(here, there, collar_s=0.0).report.figures["diarization"].recordings
    assert (m1.recording, quiet.recording) == ("m1", "quiet")
    assert (quiet.speech_s, quiet.der, quiet.ier) == (0.0, None, None)


def test_a_file_equals_itself(tmp_path: Path) -> None:
    others = "SPKR-INFO m1 1 <NA> <NA> <NA> adult ada <NA> <NA>\n;; a comment\n\n"
    found = measured(tmp_path, others + REFERENCE, REFERENCE)
    assert (found.all.der, found.all.ier) == (0.0, 0.0)


@pytest.mark.parametrize(
    "bad",
    [
        "1 id1/a/1.wav id1/b/1.wav",
        "SPEAKER m1 1 0.0 1.0",
        "SPEAKER m1 1 zero 1.0 <NA> <NA> ada <NA> <NA>",
        "SPEAKER m1 1 -1.0 1.0 <NA> <NA> ada <NA> <NA>",
        "SPEAKER m1 1 1.0 -1.0 <NA> <NA> ada <NA> <NA>",
        "SPEAKER m1 1 1.0 inf <NA> <NA> ada <NA> <NA>",
        "SPEAKER my meeting 1 1.0 2.0 <NA> <NA> ada <NA> <NA>",
    ],
)
def test_a_line_that_is_no_rttm_is_named(tmp_path: Path, bad: str) -> None:
    path = write(tmp_path / "x.rttm", f"{REFERENCE}\n{bad}\n")
    with pytest.raises(NotRttm, match=r"^x\.rttm, line 5: ") as caught:
        read_rttm(path)
    assert caught.value.line == 5


@pytest.mark.parametrize("bad", ["m1 1 0", "m1 1 5 5", "m1 1 a b", "m1 1 -1 5"])
def test_a_line_that_is_no_uem_is_named(tmp_path: Path, bad: str) -> None:
    with pytest.raises(NotUem, match=r"^x\.uem, line 2: ") as caught:
        read_uem(write(tmp_path / "x.uem", f"m1 1 0 5\n{bad}\n"))
    assert isinstance(caught.value, BadLine)


def test_recordings_that_do_not_pair_up_are_named(tmp_path: Path) -> None:
    m1 = line("m1", 0, 10, "x")
    with pytest.raises(UnpairedRecordings, match=r"1 recording\(s\) of reference\.rttm .* hypothesis\.rttm: m2\."):
        measured(tmp_path, REFERENCE, m1)
    with pytest.raises(UnpairedRecordings, match=r"of hypothesis\.rttm are not in reference\.rttm: m2\."):
        measured(tmp_path, m1, HYPOTHESIS)
    with pytest.raises(UnpairedRecordings, match=r"not in the UEM file: m2\."):
        measured(tmp_path, REFERENCE, HYPOTHESIS, uem="m1 1 0 5\n")


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ListMissing, match=r"no \.rttm file"):
        read_rttm(tmp_path)
    with pytest.raises(EmptyList):
        read_rttm(write(tmp_path / "x.rttm", ";; nothing\n"))
    with pytest.raises(EmptyList):
        read_uem(write(tmp_path / "x.uem", "\n"))
    (tmp_path / "b.rttm").write_bytes(b"\xff\n")
    with pytest.raises(BadEntry, match="not UTF-8"):
        read_rttm(tmp_path / "b.rttm")


def test_without_its_library_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speakerid.errors.extras.find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r"\.\[evaluate\]"):
        measured(tmp_path, REFERENCE, HYPOTHESIS)
