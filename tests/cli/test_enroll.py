from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from speakerid import samples
from speakerid.cli.server.child_server import running
from tests.cli.command import Command
from tests.sampled import ADA, BEN

VOICES = samples.voices()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two speakers with three utterances each, a text that calls itself WAV, silence, and notes."""
    root = tmp_path / "tree"
    for voice in (ADA, BEN):
        (root / voice / "deeper").mkdir(parents=True)
        for file in VOICES[voice].enroll:
            shutil.copy(file, root / voice / "deeper")
    (root / ADA / "bad.wav").write_text("not audio")
    shutil.copy(samples.silence(), root / BEN)
    (root / ADA / "notes.txt").write_text("notes")
    return root


def test_one_file_answers_as_the_api_does(speakerid: Command) -> None:
    ran = speakerid("enroll", "Ada", VOICES[ADA].enroll[0], "--json")
    assert (ran.code, ran.err) == (0, "")
    assert set(ran.json) == {
        "speaker",
        "utterance",
        "already_enrolled",
        "cohesion",
        "similar_speaker",
        "warnings",
        "lost_seconds",
    }
    assert ran.json["speaker"]["name"] == "Ada"
    assert not ran.json["already_enrolled"]


def test_people_read_how_far_the_enrollment_is(speakerid: Command) -> None:
    assert "more are needed" in speakerid("enroll", "Ada", VOICES[ADA].enroll[0]).out
    ran = speakerid("enroll", "Ada", *VOICES[ADA].enroll)
    assert (ran.code, ran.err) == (0, "")
    assert "s of speech, enrolled." in ran.out
    assert "Enrolled 2 files; 1 was enrolled before." in ran.out
    assert "nothing changed" in speakerid("enroll", "Ada", VOICES[ADA].enroll[0]).out


def test_who_enrolls_first_hears_of_the_better_encoder(speakerid: Command, tmp_path: Path) -> None:
    where = {"SPEAKERID_ENCODER": "default", "SPEAKERID_MODELS": str(tmp_path / "none")}
    first = speakerid("enroll", "Ada", VOICES[ADA].enroll[0], **where)
    assert first.code == 0
    assert "'speakerid models fetch' brings a far better one" in first.err
    assert speakerid("enroll", "Ada", VOICES[ADA].enroll[1], **where).err == ""
    assert speakerid("galleries", "create", "other", **where).code == 0
    assert speakerid("enroll", "Ada", VOICES[ADA].enroll[0], "--gallery", "other", "--json", **where).err == ""


def test_several_files_are_a_line_each_with_their_name(speakerid: Command) -> None:
    ran = speakerid("enroll", "Ada", *VOICES[ADA].enroll, "--json")
    assert [one["file"] for one in ran.lines] == [str(file) for file in VOICES[ADA].enroll]
    assert ran.lines[-1]["speaker"]["utterances"] == 3


def test_a_refused_file_is_a_sentence_and_leaves_no_speaker(speakerid: Command) -> None:
    ran = speakerid("enroll", "Ada", samples.silence())
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("too_little_speech: Found 0.00 s")
    assert speakerid("enroll", "Ada", samples.silence(), "--json").problem["code"] == "too_little_speech"
    assert speakerid("speakers", "list", "--json").json["items"] == []


def test_a_tree_is_enrolled_and_bad_files_are_counted(speakerid: Command, tree: Path) -> None:
    ran = speakerid("enroll", "--tree", tree)
    assert ran.code == 1
    assert "Enrolled 6 files; 0 were enrolled before." in ran.out
    assert "bad.wav: unsupported_audio: " in ran.err
    assert "Refused 2 files: 1 too_little_speech, 1 unsupported_audio." in ran.err
    assert "notes.txt: skipped: This is text" in ran.err
    assert "Skipped 1 path." in ran.err
    found = speakerid("speakers", "list", "--json").json["items"]
    assert {one["name"]: one["utterances"] for one in found} == {ADA: 3, BEN: 3}


def test_a_tree_again_changes_nothing(speakerid: Command, tree: Path) -> None:
    first, again = (speakerid("enroll", "--tree", tree, "--json") for _ in range(2))
    assert (first.code, again.code) == (1, 1)
    assert [one["already_enrolled"] for one in again.lines] == [True] * 6
    assert [one["speaker"]["id"] for one in again.lines] == [one["speaker"]["id"] for one in first.lines]
    assert again.err == first.err


def test_one_voice_under_two_names_is_refused(speakerid: Command) -> None:
    ada = speakerid("enroll", "Ada", VOICES[ADA].enroll[0], "--json").json["speaker"]["id"]
    ran = speakerid("enroll", "Eve", VOICES[ADA].enroll[0], VOICES[ADA].enroll[1], "--json")
    assert (ran.code, ran.out) == (1, "")
    same_file, same_voice = (json.loads(line) for line in ran.err.splitlines())
    assert (same_file["code"], same_file["file"]) == ("utterance_elsewhere", str(VOICES[ADA].enroll[0]))
    assert (same_voice["code"], same_voice["speaker_id"]) == ("voice_already_enrolled", ada)


def test_what_the_coach_refuses_can_be_accepted(speakerid: Command) -> None:
    speakerid("enroll", "Ada", VOICES[ADA].enroll[0])
    wrong = VOICES[BEN].enroll[0]
    refused = speakerid("enroll", "Ada", wrong, "--json")
    assert refused.code == 1
    assert set(refused.problem) == {"code", "error", "review"}
    assert refused.problem["review"]["refusals"] == ["does_not_match_speaker"]
    assert "repeat it with --accept does_not_match_speaker." in speakerid("enroll", "Ada", wrong).err
    ran = speakerid("enroll", "Ada", wrong, "--accept", "clipped", "--accept", "does_not_match_speaker", "--json")
    assert ran.code == 0
    assert ran.json["utterance"]["accepted"] == ["does_not_match_speaker"]


def test_people_read_how_well_it_agrees(speakerid: Command) -> None:
    speakerid("enroll", "Ada", VOICES[ADA].enroll[0])
    later = speakerid("enroll", "Ada", VOICES[ADA].enroll[1]).out
    assert "This file and the speaker's other utterances: llr " in later
    at_once = speakerid("enroll", "Ben", *VOICES[BEN].enroll).out
    assert "The last file and the speaker's other utterances: llr " in at_once


def test_what_fails_for_every_file_is_reported_once(speakerid: Command, tree: Path) -> None:
    ran = speakerid("enroll", "--tree", tree, "--gallery", "nowhere")
    assert ran.code == 1
    assert ran.err.splitlines() == [
        "gallery_not_found: There is no gallery 'nowhere'. Create it first, or check the name."
    ]


def test_an_empty_tree_is_refused(speakerid: Command, tmp_path: Path) -> None:
    assert "file_missing" in speakerid("enroll", "--tree", tmp_path).err


def test_names_are_shown_as_they_are(speakerid: Command) -> None:
    ran = speakerid("enroll", "[bold]Ada[/] :smile:", VOICES[ADA].enroll[0])
    assert "[bold]Ada[/] :smile:" in ran.out
    assert "[bold]Ada[/] :smile:" in speakerid("speakers", "list").out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("Ada",),
        ("Ada", "a.wav", "--tree", "."),
        ("--tree", "no-such-folder"),
        ("Ada", "a.wav", "--accept", "everything"),
    ],
    ids=str,
)
def test_wrong_usage(speakerid: Command, arguments: tuple[str, ...]) -> None:
    ran = speakerid("enroll", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert not speakerid.store.exists()


def test_a_folder_whose_name_is_no_name_is_one_refusal_and_the_rest_goes_on(speakerid: Command, tmp_path: Path) -> None:
    for number, folder in enumerate((b"Zo\xeb", "\u202eevE".encode(), "Zoe\u0308".encode(), "ZOË".encode())):
        path = os.fsencode(tmp_path / "tree") + b"/" + folder
        os.makedirs(path)
        shutil.copy(os.fsencode(VOICES[ADA].enroll[number % 3]), path + b"/\xe9.opus")
    ran = speakerid("enroll", "--tree", tmp_path / "tree")
    assert ran.code == 1
    assert "Zo�: invalid_request: 'folder' has a byte" in ran.err
    assert "�evE: invalid_request: 'folder' has U+202E" in ran.err
    assert "Refused 2 files: 2 invalid_request." in ran.err
    found = speakerid("speakers", "list", "--json").json["items"]
    assert [(one["name"], one["utterances"]) for one in found] == [("ZOË", 2)]
    lines = speakerid("enroll", "--tree", tmp_path / "tree", "--json")
    assert [Path(one["file"]).name for one in lines.lines] == ["�.opus"] * 2
    assert [json.loads(line)["code"] for line in lines.err.splitlines()] == ["invalid_request"] * 2


def test_what_a_folder_has_besides_is_listed(speakerid: Command, tree: Path) -> None:
    for number in range(30):
        (tree / ADA / f"{number:02d}.txt").write_text("notes")
    err = speakerid("enroll", "--tree", tree).err
    assert "Skipped 31 paths, 11 of them not shown here." in err
    assert err.count(": skipped: ") == 20
    lines = [json.loads(line) for line in speakerid("enroll", "--tree", tree, "--json").err.splitlines()]
    assert sum(one["code"] == "skipped" for one in lines) == 31


def test_a_voice_like_another_s_is_said_with_the_name(speakerid: Command) -> None:
    speakerid("enroll", "Ada", VOICES[ADA].enroll[0])
    ran = speakerid("enroll", "Eve", VOICES[ADA].enroll[1])
    assert "speaker 'Ada' (spk_" in ran.err
    speakerid("enroll", "Eve", VOICES[ADA].enroll[1], "--accept", "voice_already_enrolled")
    assert "similar_voice (to Ada, spk_" in speakerid("enroll", "Eve", VOICES[ADA].enroll[2]).out


def test_a_key_that_may_only_enroll_is_told_whom_it_sounds_like_by_id(enrolled: Command) -> None:
    key = enrolled("keys", "create", "door", "--scope", "enroll", "--json").json["secret"]
    ids = {one["name"]: one["id"] for one in enrolled("speakers", "list", "--json").json["items"]}
    codes = ("--accept", "voice_already_enrolled", "--accept", "does_not_match_speaker")
    again = ("enroll", ids[BEN], VOICES[ADA].probes[0], *codes)  # by id: to look up a name takes `read`
    with running(enrolled.store, "fake") as url:
        ran = enrolled(*again, "--url", url, SPEAKERID_KEY=key)
    assert (ran.code, ran.err) == (0, "")
    assert f"(to {ids[ADA]})" in ran.out
