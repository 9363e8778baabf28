from __future__ import annotations

from pathlib import Path

from speakerid.samples import voices
from tests.cli.command import Command, Served
from tests.sampled import ADA


def test_create_set_list_delete(empty: Command) -> None:
    made = empty("galleries", "create", "team", "--target-fpir", "0.05", "--keep-audio", "--json").json
    assert (made["name"], made["target_fpir"], made["keep_audio"]) == ("team", 0.05, True)
    changed = empty(
        "galleries", "set", "team", "--min-speech-seconds", "2", "--enroll-speech-seconds", "20", "--no-keep-audio",
        "--combining", "weighted", "--json",
    ).json  # fmt: skip
    assert (changed["min_speech_seconds"], changed["enroll_speech_seconds"], changed["keep_audio"]) == (2, 20, False)
    assert (made["combining"], changed["combining"]) == ("mean", "weighted")
    assert [one["name"] for one in empty("galleries", "list", "--json").json["items"]] == ["default", "team"]
    assert "team" in empty("galleries", "list").out
    assert empty("galleries", "delete", "--yes", "team").out == "Erased gallery team.\n"


def test_refusals(empty: Command) -> None:
    assert empty("galleries", "create", "default", "--json").problem["code"] == "gallery_exists"
    assert empty("galleries", "delete", "--yes", "default", "--json").problem["code"] == "default_gallery"
    assert empty("galleries", "set", "default", "--target-fpir", "2").code == 1
    assert empty("galleries", "set", "default").code == 2


def test_a_server_answers_the_same(served: Served) -> None:
    local, remote = (served("galleries", "list", "--json", *more) for more in ((), ("--url", served.url)))
    assert remote == local


def test_undoing_nothing_is_said(enrolled: Command) -> None:
    ran = enrolled("galleries", "undo")
    assert (ran.code, ran.err) == (
        1, "change_not_found: Nothing was merged, moved or split in this gallery that could be undone.\n",
    )  # fmt: skip


def test_a_gallery_moves_to_another_store(enrolled: Command, tmp_path: Path) -> None:
    file, there = tmp_path / "voices.zip", Command(tmp_path / "there.db")
    done = enrolled("galleries", "export", "default", file)
    assert done.out.replace("\n", " ").startswith(f"Wrote {file}: 2 speakers, 6 utterances, 0 with audio.")
    assert there("galleries", "import", file).out == "Made gallery default: 2 speakers, 6 utterances, 0 with audio.\n"
    asked = ("identify", voices()[ADA].probes[0], "--json")
    assert there(*asked).json == enrolled(*asked).json
    again = enrolled("galleries", "import", file, "--name", "copy")
    assert again.out.endswith("8 ids were taken in this store; --json lists the new ones.\n")


def test_a_gallery_moves_through_a_server(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "voices.zip"
    done = served("galleries", "export", "default", file, "--json", "--url", served.url).json
    assert (done["speakers"], done["utterances"]) == (2, 6)
    made = served("galleries", "import", file, "--name", "copy", "--json", "--url", served.url).json
    assert (made["gallery"]["name"], made["utterances"], len(made["new_speaker_ids"])) == ("copy", 6, 2)
    served("galleries", "delete", "copy", "--yes")


def test_moves_that_are_refused(enrolled: Command, tmp_path: Path) -> None:
    file = tmp_path / "voices.zip"
    assert enrolled("galleries", "export", "nowhere", file, "--json").problem["code"] == "gallery_not_found"
    assert enrolled("galleries", "export", "default", tmp_path / "no folder" / "x.zip").code == 2
    assert enrolled("galleries", "export", "default", file).code == 0
    assert enrolled("galleries", "export", "default", file, "--json").problem["code"] == "gallery_file_exists"
    assert enrolled("galleries", "import", file, "--json").problem["code"] == "gallery_taken"
    assert enrolled("galleries", "import", tmp_path / "x.zip", "--json").problem["code"] == "file_missing"
    other = enrolled("galleries", "import", file, "--name", "x", "--encoder", "bundled", "--json")
    assert other.problem["code"] == "gallery_file_other_encoder"


def test_no_store_is_made_for_a_file_that_is_none(speakerid: Command, tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    for file, code in (("broken.zip", "gallery_file_damaged"), ("missing.zip", "file_missing")):
        assert speakerid("galleries", "import", tmp_path / file, "--json").problem["code"] == code
    assert not speakerid.store.exists()
