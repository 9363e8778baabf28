"""Errors name parameters as the library has them; who typed an option reads the option."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from speakerid import samples
from speakerid.cli.wording import in_own_words, speaking
from tests.cli.command import Command, Served
from tests.sampled import ADA, BEN

VOICES = samples.voices()
WORDS = {"key": "--key", "accept": "--accept", "top_k": "--top-k", "min_speakers": "--min-speakers", "name": "NAME"}


@pytest.mark.parametrize(
    ("sentence", "own"),
    [
        ("'min_speakers', 3, is too much.", "--min-speakers, 3, is too much."),
        ("Repeat it with accept=clipped,too_little_speech.", "Repeat it with --accept clipped,too_little_speech."),
        ("'name' must be shorter.", "NAME must be shorter."),
        (
            "Enrolled for 'name', speaker 'accept', of gallery 'key'.",
            "Enrolled for 'name', speaker 'accept', of gallery 'key'.",
        ),
        ("Send it as 'Authorization: Bearer sid_…'.", "Send it with --key."),
        ("query.top_k: Input should be less.", "--top-k: Input should be less."),
        ("body.name: Too long.", "NAME: Too long."),
        ("'external_id' and a=b and E = mc, unaccept=1", "'external_id' and a=b and E = mc, unaccept=1"),
    ],
)
def test_parameters_become_what_was_typed(sentence: str, own: str) -> None:
    with speaking(WORDS):
        assert in_own_words("invalid_request", sentence) == own
    assert in_own_words("invalid_request", sentence) == sentence


def test_what_repeats_a_name_stays(enrolled: Command) -> None:
    ran = enrolled("verify", "channel", VOICES[ADA].probes[0])
    assert ran.err == (
        "speaker_not_found: There is no speaker 'channel' in this gallery. List the speakers to see their ids.\n"
    )


def test_every_message_speaks_of_options(enrolled: Command, tmp_path: Path) -> None:
    wrong, audio = VOICES[BEN].enroll[0], VOICES[ADA].probes[0]
    said = {
        "invalid_request: --min-speakers, 3, is more than --max-speakers, 2.": enrolled(
            "recording", audio, "--min-speakers", "3", "--max-speakers", "2"
        ),
        "invalid_request: Send either --speakers, or --min-speakers and --max-speakers.": enrolled(
            "recording", audio, "--speakers", "2", "--min-speakers", "2"
        ),
        "invalid_request: --name must be 1 to 200 characters; it has 1000. Choose another.": enrolled(
            "speakers", "change", ADA, "--name", "x" * 1000
        ),
        "invalid_request: NAME must be 1 to 200 characters; it has 1000. Choose another.": enrolled(
            "enroll", "x" * 1000, audio
        ),
    }
    for sentence, ran in said.items():
        assert (ran.code, ran.err) == (1, f"{sentence}\n")
    new = tmp_path / "new.opus"
    new.write_bytes(VOICES[BEN].probes[0].read_bytes())
    for files in ([new], [new, wrong]):
        assert "repeat it with --accept does_not_match_speaker." in enrolled("enroll", ADA, *files).err
    problem = json.loads(enrolled("enroll", ADA, new, "--json").err)
    assert "--accept does_not_match_speaker" in problem["error"]
    usage = enrolled("enroll", ADA, new, "--accept", "everything")
    assert (usage.code, "--accept does not know everything" in " ".join(usage.err.split())) == (2, True)


def test_the_server_s_messages_speak_of_options_too(served: Served, tmp_path: Path) -> None:
    new = tmp_path / "new.opus"
    new.write_bytes(VOICES[BEN].probes[0].read_bytes())
    on_it = ("--url", served.url)
    assert "repeat it with --accept does_not_match_speaker." in served("enroll", ADA, new, *on_it).err
    long = served("speakers", "change", ADA, "--name", "x" * 300, *on_it)
    assert long.err.startswith("invalid_request: --name: ")
    assert served("verify", "AC/DC", new, *on_it).err.startswith("speaker_not_found: There is no speaker 'AC/DC'")
