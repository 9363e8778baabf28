"""`speakerid demo`: the whole job on sample voices, over HTTP, with nothing but this package."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speakerid import samples
from speakerid.cli import demo_recording
from speakerid.cli.child_server import running
from speakerid.cli.demo_recording import ShownTurn
from speakerid.cli.errors import refuse_if
from speakerid.cli.options import Output, with_options
from speakerid.cli.output import emit, number, say, table
from speakerid.cli.progress import progress

if TYPE_CHECKING:
    from speakerid.client import Client

NEXT = """What to try next:
  speakerid enroll Ada ada-1.wav ada-2.wav     enroll a voice of your own (any of WAV, FLAC, MP3, Ogg, WebM, M4A)
  speakerid identify who.wav                   who is it?
  speakerid recording talk.wav                 who speaks when?
  speakerid listen                             who speaks right now? (the microphone needs the extra `listen`)
  speakerid serve                              the same service, with its API described at /openapi.json"""


@dataclass(frozen=True)
class Demo(Output):
    encoder: Annotated[str, typer.Option("--encoder", help="The encoder to show.")] = "default"


@dataclass(frozen=True)
class DemoProbe:
    file: Path
    voice: str  # for people: whose voice it is
    decision: str  # what must be answered
    speaker: str | None = None


@dataclass(frozen=True)
class DemoAnswer:
    probe: DemoProbe
    answer: dict[str, Any]

    @property
    def name(self) -> str | None:
        speaker = self.answer["speaker"]
        return speaker["name"] if speaker else None

    @property
    def right(self) -> bool:
        return (self.answer["decision"], self.name) == (self.probe.decision, self.probe.speaker)


@with_options
def demo(options: Demo) -> None:
    """Start the service, enroll sample voices over HTTP, identify probes of known and unknown voices, hear a talk.

    Exit code 0 only if every known voice was named, the stranger was answered unknown and silence was refused, and if
    it was told rightly who speaks when in the recording.
    """
    with tempfile.TemporaryDirectory(prefix="speakerid-demo-") as folder:
        heard, lines = _listen(options, Path(folder))
    right = all(one.right for one in heard) and all(one.right for one in lines)
    if options.as_json:
        emit({"right": right, "probes": [_plain(one) for one in heard], "recording": demo_recording.plain(lines)})
    else:
        _show(heard)
        demo_recording.show(lines)
        say(NEXT)
    refuse_if(not right)


def probes() -> list[DemoProbe]:
    """Two of every known voice, those of the stranger, and silence."""
    known = [DemoProbe(file, name, "accept", name) for name, voice in samples.voices().items() for file in voice.probes]
    strangers = [DemoProbe(file, "a stranger", "unknown") for file in samples.stranger()]
    return [*known, *strangers, DemoProbe(samples.silence(), "nobody", "not_enough_speech")]


def _listen(options: Demo, folder: Path) -> tuple[list[DemoAnswer], list[ShownTurn]]:
    from speakerid.client import Client  # httpx: 0.1 s

    with running(folder / "voices.db", options.encoder) as url, Client(url) as client:
        if not options.as_json:
            say(f"The service runs on {url}, with a store of its own.")
        _enroll(client)
        heard = [DemoAnswer(probe, client.identify(probe.file)) for probe in progress(probes(), "Identifying")]
        spoken = demo_recording.write(folder / "talk.wav")
        return heard, demo_recording.lines(spoken, client.recording(folder / "talk.wav"))


def _enroll(client: Client) -> None:
    utterances = [(name, file) for name, voice in samples.voices().items() for file in voice.enroll]
    for name, file in progress(utterances, "Enrolling"):
        client.enroll(name, file)


def _show(heard: Sequence[DemoAnswer]) -> None:
    table(
        ("probe", "expected", "decision", "name", "llr", "probability", "right?"),
        [_row(one) for one in heard],
        title=f"{len(samples.voices())} voices enrolled, {len(heard)} probes identified",
    )
    wrong = sum(not one.right for one in heard)
    say(f"{wrong} of {len(heard)} answers are wrong." if wrong else f"All {len(heard)} answers are right.")


def _row(heard: DemoAnswer) -> tuple[str, ...]:
    probe, answer = heard.probe, heard.answer
    best = answer["candidates"][0] if answer["candidates"] else {"llr": None, "probability": None}
    return (
        f"{probe.voice}, {probe.file.stem}",
        probe.decision,
        answer["decision"],
        heard.name or "–",
        number(best["llr"], 2),
        number(best["probability"], 3),
        "yes" if heard.right else "NO",
    )


def _plain(heard: DemoAnswer) -> dict[str, Any]:
    probe = heard.probe
    expected = {"decision": probe.decision, "speaker": probe.speaker}
    return {
        "probe": probe.file.name,
        "voice": probe.voice,
        "expected": expected,
        "answer": heard.answer,
        "right": heard.right,
    }
