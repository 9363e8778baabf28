"""`speakerid reembed`: on a store of this machine, and on a server."""

from __future__ import annotations

import pytest

from speakerid import samples
from speakerid.cli.server.child_server import running
from tests.cli.command import Command
from tests.sampled import ADA

FILES = samples.voices()[ADA].enroll


@pytest.fixture
def kept(empty: Command) -> Command:
    """ADA, with kept audio."""
    assert empty("galleries", "set", "default", "--keep-audio").code == 0
    assert empty("enroll", ADA, *FILES).code == 0
    return empty


def test_a_store_moves_to_another_encoder(kept: Command) -> None:
    ran = kept("reembed", "--to", "bundled")
    assert (ran.code, ran.out.split(" from ")[0]) == (0, f"Moved {len(FILES)} utterances of gallery default")
    assert kept("identify", FILES[0]).err.startswith("encoder_mismatch: ")
    found = kept("identify", FILES[0], "--json", SPEAKERID_ENCODER="bundled").json
    assert (found["decision"], found["encoder"].split("@")[0]) == ("accept", "ecapa-mini")
    assert kept("reembed", "--show", "--json").json["state"] == "done"
    assert kept("reembed", "--to", "bundled").err.startswith("same_encoder: ")


def test_without_audio_it_says_of_how_many(enrolled: Command) -> None:
    ran = enrolled("reembed", "--to", "bundled")
    assert (ran.code, "no audio of 6 of its 6 utterances" in ran.err) == (1, True)
    assert enrolled("identify", FILES[0], "--json").json["decision"] == "accept"


def test_a_server_moves_in_the_background(kept: Command) -> None:
    with running(kept.store, "fake", SPEAKERID_OTHER_ENCODERS="bundled") as url:
        assert kept("identify", FILES[0], "--json", "--url", url).json["encoder"].startswith("fake@")
        ran = kept("reembed", "--to", "ecapa-mini", "--json", "--url", url)
        assert (ran.code, ran.json["state"], ran.json["progress"]) == (0, "done", 100.0)
        assert kept("identify", FILES[0], "--json", "--url", url).json["encoder"].startswith("ecapa-mini@")
        ran = kept("reembed", "--cancel", "--url", url)
        assert (ran.code, ran.err.split(":")[0]) == (1, "reembedding_ended")


def test_contradictions_are_refused(kept: Command) -> None:
    assert kept("reembed", "--to", "bundled", "--cancel").code == 2
