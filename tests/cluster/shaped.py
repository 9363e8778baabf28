"""A folder of speakers, a store with kept audio, and what is asked of a service: for a cluster, and for none."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from speakerid import SpeakerID, samples
from speakerid.client import Client
from speakerid.types import to_json
from tests.cli.command import Command
from tests.sampled import ADA, BEN, probe, silence, stranger, utterance

VOICES = samples.voices()


def write_tree(root: Path) -> Path:
    """Three people, one of them under two names and with a file twice, a file that is no audio, and one of silence."""
    for name, voice in (("Ada", ADA), ("Ben", BEN), ("Cleo", next(iter(VOICES)))):
        folder = root / name
        folder.mkdir(parents=True)
        for nth, file in enumerate(VOICES[voice].enroll[:2]):
            shutil.copy(file, folder / f"{nth}{file.suffix}")
    shutil.copy(VOICES[ADA].enroll[0], root / "Ada" / "again.opus")
    (root / "Ben" / "broken.wav").write_text("not audio")
    (root / "Ben" / "silent.flac").write_bytes(silence())
    (root / "Twin").mkdir()
    shutil.copy(VOICES[ADA].enroll[0], root / "Twin" / "same.opus")
    shutil.copy(VOICES[ADA].enroll[2], root / "Twin" / "third.opus")
    return root


def write_kept(store: Path) -> None:
    """ADA and BEN with their audio, by the fake encoder."""
    command = Command(store)
    assert command("db", "upgrade").code == 0
    assert command("galleries", "set", "default", "--keep-audio").code == 0
    for voice in (ADA, BEN):
        assert command("enroll", voice, *VOICES[voice].enroll[:2]).code == 0


def asked(one: SpeakerID | Client) -> list[Any]:
    """Of an empty gallery: enroll, identify, verify, a recording."""
    for voice in (ADA, BEN):
        one.enroll(voice, utterance(voice, 0), utterance(voice, 1))
    identified = [one.identify(audio) for audio in (probe(ADA), probe(BEN), stranger(), silence())]
    recording = replace(one.recording(probe(ADA)), id=None)  # that of a job, which a service makes
    return [to_json(answer) for answer in (*identified, one.verify(ADA, probe(BEN)), recording)]
