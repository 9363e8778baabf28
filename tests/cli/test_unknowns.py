from __future__ import annotations

from pathlib import Path

import pytest

from speakerid import samples
from speakerid.bootstrap import build_engine
from speakerid.services.unknowns.keep import Stranger
from speakerid.settings import Settings
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN, utterance
from tests.services.enrolled import probe_of
from tests.services.kept import LONG, keep_recording


def keep_twice(store: Path, voice: str, gallery: str) -> None:
    """Two recordings are done with a person who sounds like the first utterance of this sample voice."""
    engine = build_engine(Settings(store=str(store), encoder="fake"))
    embedding = probe_of(engine, utterance(voice), gallery).embedding
    assert embedding is not None
    for _ in range(2):
        keep_recording(engine, Stranger("unknown_1", ((0.0, 72.5),), LONG, embedding), gallery=gallery)
    engine.close()


@pytest.fixture
def keeping(empty: Command) -> Command:
    """On a store whose default gallery has two recordings of ADA, nameless."""
    made = empty("galleries", "set", "default", "--keep-unknown-voices", "--json").json
    assert made["keep_unknown_voices"]
    keep_twice(empty.store, ADA, "default")
    return empty


def test_list_show_promote(keeping: Command) -> None:
    (voice,) = keeping("unknowns", "list", "--json").json["items"]
    assert voice["recordings"] == 2
    assert keeping("unknowns", "list", "--min-recordings", "3", "--json").json["items"] == []
    assert voice["id"] in keeping("unknowns", "list").out
    shown = keeping("unknowns", "show", voice["id"]).out
    assert (shown.count("unknown_1"), shown.count("1:12.5")) == (2, 2)
    done = keeping("unknowns", "promote", voice["id"], "Ada", "--external-id", "hr-1", "--json").json
    assert (done["speaker"]["name"], done["speaker"]["external_id"], len(done["recordings"])) == ("Ada", "hr-1", 2)
    assert keeping("unknowns", "list", "--json").json["items"] == []
    assert keeping("unknowns", "show", voice["id"], "--json").problem["code"] == "unknown_voice_not_found"


def test_promote_into_a_speaker_who_is_there(keeping: Command) -> None:
    (voice,) = keeping("unknowns", "list", "--json").json["items"]
    for name, sample in (("Ada", ADA), ("Ben", BEN)):
        assert keeping("enroll", name, samples.voices()[sample].enroll[1]).code == 0
    refused = keeping("unknowns", "promote", voice["id"], "Ben", "--json")
    assert refused.problem["code"] == "does_not_match_speaker"
    described = keeping("unknowns", "promote", voice["id"], "Ada", "--external-id", "hr-1", "--json")
    assert described.problem["code"] == "invalid_request"
    shown = keeping("unknowns", "promote", voice["id"], "Ada").out
    assert shown.startswith("Ada (spk_")
    assert shown.count("rec_") == 2
    assert keeping("speakers", "show", "Ada", "--json").json["utterances"] == 2  # both recordings sound exactly alike


def test_a_voice_of_a_recording_is_enrolled(keeping: Command) -> None:
    (voice,) = keeping("unknowns", "list", "--json").json["items"]
    shown = keeping("unknowns", "show", voice["id"]).out
    recording = next(word for word in shown.split() if word.startswith("rec_"))
    asked = ("enroll", "Ada", "--from-recording", recording, "--voice", "unknown_1", "--json")
    assert keeping("enroll", "Ada", "--from-recording", recording).code == 2
    assert keeping(*asked, "--voice", "unknown_7").problem["code"] == "recording_without_result"
    assert keeping(*asked, "--from-recording", "rec_0").problem["code"] == "recording_not_found"
    done = keeping(*asked).json
    assert (done["speaker"]["name"], len(done["recordings"])) == ("Ada", 2)
    assert keeping(*asked).problem["code"] == "voice_not_kept"


def test_a_refusal_is_overridden(keeping: Command) -> None:
    (voice,) = keeping("unknowns", "list", "--json").json["items"]
    assert keeping("enroll", "Ada", samples.voices()[ADA].enroll[0]).code == 0
    refused = keeping("unknowns", "promote", voice["id"], "Somebody", "--json")
    assert refused.problem["code"] == "voice_already_enrolled"
    again = keeping("unknowns", "promote", voice["id"], "Somebody", "--accept", "voice_already_enrolled", "--json")
    assert again.json["speaker"]["name"] == "Somebody"


def test_dismiss(keeping: Command) -> None:
    (voice,) = keeping("unknowns", "list", "--json").json["items"]
    assert keeping("unknowns", "dismiss", "--yes", voice["id"]).out == f"Forgot {voice['id']}.\n"
    assert keeping("unknowns", "dismiss", "--yes", voice["id"], "--json").problem["code"] == "unknown_voice_not_found"


def test_switching_it_off_forgets(keeping: Command) -> None:
    assert "kept, 1" in keeping("galleries", "list").out
    changed = keeping("galleries", "set", "default", "--no-keep-unknown-voices", "--yes", "--json").json
    assert changed["unknown_voices"] == 0
    assert "not kept" in keeping("galleries", "list").out


def test_a_server_does_the_same(served: Served) -> None:
    remote = ("--url", served.url)
    assert served("galleries", "create", "inbox", "--keep-unknown-voices", *remote).code == 0
    keep_twice(served.store, ADA, "inbox")
    keep_twice(served.store, BEN, "inbox")
    inside = ("--gallery", "inbox", "--json")
    local, listed = (served("unknowns", "list", *inside, *more).json for more in ((), remote))
    assert local == listed
    first, second = (one["id"] for one in listed["items"])
    assert served("unknowns", "show", first, *inside, *remote) == served("unknowns", "show", first, *inside)
    done = served("unknowns", "promote", first, "Ada", "--accept", "noisy", *inside, *remote)
    assert done.problem["code"] == "invalid_request"
    assert served("unknowns", "promote", first, "Ada", *inside, *remote).json["speaker"]["utterances"] == 1
    assert served("unknowns", "dismiss", "--yes", second, *inside, *remote).code == 0
    assert served("unknowns", "list", *inside).json["items"] == []
