"""`speakerid demo`: the whole job on sample voices, over HTTP, with nothing but this package."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speakerid import samples
from speakerid.cli.console import echo, emit, progress, refuse_if, table
from speakerid.cli.demo_labels import label_lines
from speakerid.cli.options import Output, with_options
from speakerid.cli.server.child_server import running
from speakerid.errors import BackboneNotFound
from speakerid.errors.extras import ExtraMissing
from speakerid.samples import conversation

if TYPE_CHECKING:
    from speakerid.client import Client
    from speakerid.types import Identification, Recording, Turn

Line = dict[str, Any]  # of what was shown: a row of a table, an object of --json
PAUSE_S = 0.6
LEARNED = (
    "Words: learned from recordings of people; a synthetic voice says them. Languages: learned just now from 15 "
    "recordings of three sample voices; these are two others. That is how labels of your own are learned; it calls any "
    "other language one of the two."
)
NEXT = """What to try next:
  speakerid enroll Ada ada-1.wav ada-2.wav     enroll a voice of your own (any of WAV, FLAC, MP3, Ogg, WebM, M4A)
  speakerid identify who.wav                   who is it?
  speakerid recording talk.wav                 who speaks when?
  speakerid listen                             who speaks right now? (the microphone needs the extra `listen`)
  speakerid classify word.wav --classifier wake-words     what is said? `speakerid classifiers train` learns your labels
  speakerid serve                              the same service, with its API described at /openapi.json"""


@dataclass(frozen=True)
class Demo(Output):
    encoder: Annotated[str, typer.Option("--encoder", help="The encoder to show.")] = "default"


@dataclass(frozen=True)
class DemoProbe:
    file: Path
    voice: str  # for people: who speaks in it
    decision: str  # what must be answered
    speaker: str | None = None


@dataclass(frozen=True)
class ScriptedTurn:
    """A turn of the script, from `start` to `end` seconds; `voice` is None for the stranger."""

    voice: str | None
    start: float
    end: float


@dataclass(frozen=True)
class Shown:
    probes: list[Line]
    recording: list[Line]
    labels: list[Line]
    missing: str | None  # why there are fewer labels than could be

    @property
    def right(self) -> bool:
        return all(one["right"] for one in [*self.probes, *self.recording, *self.labels])


@with_options
def demo(options: Demo) -> None:
    """Start the service, enroll sample voices over HTTP, identify probes of known and unknown voices, and a recording.

    Then words are recognized, and languages that a classifier learns on the spot, where the models for that are here.
    Exit code 0 only if every known voice was named, the stranger was answered unknown, silence was refused, every turn
    of the recording has its speaker, and every label is right.
    """
    with tempfile.TemporaryDirectory(prefix="speakerid-demo-") as folder:
        shown = _shown(options, Path(folder))
    if options.as_json:
        emit({"right": shown.right} | {one.name: getattr(shown, one.name) for one in fields(shown)})
    else:
        _show(shown.probes, f"{len(samples.voices())} voices enrolled, {len(shown.probes)} probes identified")
        _show(shown.recording, "Who spoke when in one recording")
        _show_labels(shown)
        echo(NEXT)
    refuse_if(not shown.right)


def probes() -> list[DemoProbe]:
    """Two of every known voice, those of the stranger, and silence."""
    known = [DemoProbe(file, name, "accept", name) for name, voice in samples.voices().items() for file in voice.probes]
    strangers = [DemoProbe(file, "a stranger", "unknown") for file in samples.stranger()]
    return [*known, *strangers, DemoProbe(samples.silence(), "nobody", "not_enough_speech")]


def _shown(options: Demo, folder: Path) -> Shown:
    from speakerid.client import Client  # httpx: 0.1 s

    with running(folder / "voices.db", options.encoder) as url, Client(url) as client:
        if not options.as_json:
            echo(f"The service runs on {url}, with a store of its own.")
        utterances = [(name, file) for name, voice in samples.voices().items() for file in voice.enroll]
        for name, file in progress(utterances, "Enrolling"):
            client.enroll(name, file)
        answers = [answered(probe, client.identify(probe.file)) for probe in progress(probes(), "Identifying")]
        spoken = write_conversation(folder / "talk.wav")
        recording = client.recording(folder / "talk.wav")
        return Shown(answers, [turn_line(one, recording) for one in spoken], *_labels(client))


def _labels(client: Client) -> tuple[list[Line], str | None]:
    """As many as there can be, and what more need."""
    lines = list[Line]()
    try:
        lines.extend(label_lines(client))
    except (BackboneNotFound, ExtraMissing) as error:
        return lines, str(error)
    return lines, None


def answered(probe: DemoProbe, answer: Identification) -> Line:
    name = answer.speaker.name if answer.speaker else None
    best = answer.candidates[0] if answer.candidates else None
    return {
        "probe": f"{probe.voice}, {probe.file.stem}",
        "expected": probe.decision,
        "decision": answer.decision,
        "name": name,
        "llr": best and best.llr,
        "probability": best and best.probability,
        "right": (answer.decision, name) == (probe.decision, probe.speaker),
    }


def turn_line(spoken: ScriptedTurn, recording: Recording) -> Line:
    """Right is the stranger as the same unknown voice all along."""
    found = _most(spoken, recording.turns)
    right = found == (spoken.voice or "unknown_1")
    return {"start": spoken.start, "end": spoken.end, "voice": spoken.voice, "named": found, "right": right}


def _most(spoken: ScriptedTurn, turns: Sequence[Turn]) -> str | None:
    """Who speaks for most of it by the answer: a speaker's name, or `unknown_1`."""
    seconds: dict[str, float] = {}
    for turn in turns:
        name = turn.speaker.name if turn.speaker else turn.voice
        both = min(turn.end, spoken.end) - max(turn.start, spoken.start)
        if both > 0:
            seconds[name] = seconds.get(name, 0.0) + both
    return max(seconds, key=lambda name: seconds[name]) if seconds else None


def write_conversation(file: Path) -> list[ScriptedTurn]:
    """The conversation as a WAV file."""
    import numpy as np

    from speakerid.audio.decode import as_wav, decode
    from speakerid.audio.files import read_file
    from speakerid.audio.limits import SAMPLE_RATE_HZ

    pause = np.zeros(int(PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    parts, spoken, at = [pause], list[ScriptedTurn](), PAUSE_S
    for line in conversation():
        samples = decode(read_file(line.file))
        end = at + len(samples) / SAMPLE_RATE_HZ
        spoken.append(ScriptedTurn(line.speaker, at, end))
        parts += [samples, pause]
        at = end + PAUSE_S
    file.write_bytes(as_wav((np.concatenate(parts), SAMPLE_RATE_HZ)))
    return spoken


def _show_labels(shown: Shown) -> None:
    if shown.labels:
        _show(shown.labels, "Which word, and which language")
        echo(LEARNED)
    if shown.missing:
        echo(f"More labels could be shown. {shown.missing}")


def _show(lines: Sequence[Line], title: str) -> None:
    table(tuple(lines[0]), [[_cell(value) for value in one.values()] for one in lines], title=title)
    wrong = sum(not one["right"] for one in lines)
    echo(f"{wrong} of {len(lines)} answers are wrong." if wrong else f"All {len(lines)} answers are right.")


def _cell(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return "–" if value is None else value if isinstance(value, str) else f"{value:.3g}"
