"""`speakerid audit` and `speakerid calibrate`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from speakerid import samples
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN


def test_a_sound_gallery(enrolled: Command) -> None:
    assert enrolled("audit").out == "2 speakers, 6 utterances, 0 findings.\n"
    assert enrolled("audit", "--json").json["findings"] == []


def test_what_it_prints_can_be_run(enrolled: Command) -> None:
    enrolled("enroll", ADA, samples.voices()[BEN].probes[0], "--accept", "does_not_match_speaker")
    ran = enrolled("audit")
    assert (ran.code, "mislabeled: 1" in ran.out) == (0, True)
    program, *arguments = ran.out.splitlines()[-1].split()
    assert (program, arguments[:2]) == ("speakerid", ["speakers", "move-utterance"])
    assert enrolled(*arguments).code == 0
    assert enrolled("audit", "--json").json["findings"] == []
    undone = enrolled("galleries", "undo")
    assert undone.out == f"The move was undone: {ADA} has 1 utterance back.\n"
    assert [one["kind"] for one in enrolled("audit", "--json").json["findings"]] == ["mislabeled"]


def test_other_galleries_are_named_in_what_it_prints(empty: Command) -> None:
    empty("galleries", "create", "team")
    empty("enroll", "Ada", samples.voices()[ADA].enroll[0], "--gallery", "team")
    ran = empty("audit", "--gallery", "team")
    assert ran.out.splitlines()[-1].endswith(" FILE… --gallery team")
    assert "weak_voiceprint: 1" in ran.out


def test_a_server_answers_the_same(served: Served) -> None:
    local, remote = (served("audit", "--json", *more) for more in ((), ("--url", served.url)))
    assert remote == local
    assert served("audit", "--gallery", "no", "--url", served.url).err.startswith("gallery_not_found: ")


PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def _seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    command = Command(tmp_path_factory.mktemp("calibrate") / "seven.db")
    assert command("enroll", "--tree", next(iter(samples.voices().values())).enroll[0].parents[1]).code == 0
    return command.store


@pytest.fixture
def seven(_seven: Path, tmp_path: Path) -> Command:
    """On a store of its own with all sample voices."""
    return Command(Path(shutil.copy(_seven, tmp_path / "voices.db")))


def source(command: Command) -> str:
    (gallery,) = command("galleries", "list", "--json").json["items"]
    found: str = gallery["calibration"]["source"]
    return found


def test_a_table_for_people(seven: Command) -> None:
    ran = seven("calibrate")
    assert ran.code == 0
    assert "target fpir" in ran.out
    assert "Gallery default uses it from now on." in ran.out
    assert source(seven) == "gallery"


def test_a_dry_run_changes_nothing(seven: Command) -> None:
    assert "Nothing was changed." in seven("calibrate", "--dry-run").out
    assert source(seven) == "default"


def test_json_is_the_apis_own_answer_and_reset_goes_back(seven: Command) -> None:
    report = seven("calibrate", "--json").json
    assert (report["stored"], report["speakers"]) == (True, 7)
    answer = seven("identify", samples.voices()[ADA].probes[0], "--json").json
    assert answer["calibration"] == "gallery"
    gone = seven("calibrate", "--reset", "--json").json
    assert (gone["name"], gone["calibration"]["source"]) == ("default", "default")
    assert "default calibration" in seven("calibrate", "--reset").out


def test_a_picture(seven: Command, tmp_path: Path) -> None:
    out = tmp_path / "calibration.png"
    assert seven("calibrate", "--dry-run", "--picture", out).code == 0
    assert out.read_bytes().startswith(PNG)


def test_a_picture_without_a_place_changes_nothing(seven: Command, tmp_path: Path) -> None:
    ran = seven("calibrate", "--picture", tmp_path / "missing" / "calibration.png")
    assert (ran.code, source(seven)) == (2, "default")
    assert "There is no folder" in ran.err


def test_a_picture_that_cannot_be_written(seven: Command, tmp_path: Path) -> None:
    ran = seven("calibrate", "--dry-run", "--picture", tmp_path)
    assert ran.code == 2
    assert "is a folder. Name a file." in " ".join(ran.err.split())


def test_reset_goes_alone(seven: Command) -> None:
    assert seven("calibrate", "--reset", "--dry-run").code == 2


def test_two_speakers_are_refused(enrolled: Command) -> None:
    ran = enrolled("calibrate", "--json")
    assert (ran.code, ran.problem["code"]) == (1, "too_few_trials")


def test_a_server_calibrates_the_same(served: Served) -> None:
    for arguments in (("calibrate", "--json"), ("calibrate", "--reset", "--json")):
        local, remote = (served(*arguments, *more) for more in ((), ("--url", served.url)))
        assert (remote.code, remote.out, remote.err) == (local.code, local.out, local.err)
