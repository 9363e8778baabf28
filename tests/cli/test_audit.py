from __future__ import annotations

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


def test_other_galleries_are_named_in_what_it_prints(speakerid: Command) -> None:
    speakerid("galleries", "create", "team")
    speakerid("enroll", "Ada", samples.voices()[ADA].enroll[0], "--gallery", "team")
    ran = speakerid("audit", "--gallery", "team")
    assert ran.out.splitlines()[-1].endswith(" FILE… --gallery team")
    assert "weak_voiceprint: 1" in ran.out


def test_a_server_answers_the_same(served: Served) -> None:
    local, remote = (served("audit", "--json", *more) for more in ((), ("--url", served.url)))
    assert remote == local
    assert served("audit", "--gallery", "no", "--url", served.url).err.startswith("gallery_not_found: ")
