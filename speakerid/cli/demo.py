"""`speakerid demo`: the whole job on sample voices, over HTTP, with nothing but this package."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speakerid import samples
from speakerid.cli.console import echo, emit, number, progress, refuse_if, table
from speakerid.cli.identify import best
from speakerid.cli.options import Output, with_options
from speakerid.cli.server.child_server import running
from speakerid.samples import conversation

if TYPE_CHECKING:
    from speakerid.client import Client
    from speakerid.types import Identification, Recording, Turn

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
    voice: str  # for people: who speaks in it
    decision: str  # what must be answered
    speaker: str | None = None


@dataclass(frozen=True)
class DemoAnswer:
    probe: DemoProbe
    answer: Identification

    @property
    def name(self) -> str | None:
        return self.answer.speaker.name if self.answer.speaker else None

    @property
    def right(self) -> bool:
        return (self.answer.decision, self.name) == (self.probe.decision, self.probe.speaker)


@with_options
def demo(options: Demo) -> None:
    """Start the service, enroll sample voices over HTTP, identify probes of known and unknown voices, and a recording.

    Exit code 0 only if every known voice was named, the stranger was answered unknown, silence was refused, and every
    turn of the recording has its speaker.
    """
    with tempfile.TemporaryDirectory(prefix="speakerid-demo-") as folder:
        answers, lines = _answers(options, Path(folder))
    right = all(one.right for one in answers) and all(one.right for one in lines)
    if options.as_json:
        emit({"right": right, "probes": [_plain(one) for one in answers], "recording": _turn_json(lines)})
    else:
        _show(answers)
        _show_turns(lines)
        echo(NEXT)
    refuse_if(not right)


def probes() -> list[DemoProbe]:
    """Two of every known voice, those of the stranger, and silence."""
    known = [DemoProbe(file, name, "accept", name) for name, voice in samples.voices().items() for file in voice.probes]
    strangers = [DemoProbe(file, "a stranger", "unknown") for file in samples.stranger()]
    return [*known, *strangers, DemoProbe(samples.silence(), "nobody", "not_enough_speech")]


def _answers(options: Demo, folder: Path) -> tuple[list[DemoAnswer], list[ShownTurn]]:
    from speakerid.client import Client  # httpx: 0.1 s

    with running(folder / "voices.db", options.encoder) as url, Client(url) as client:
        if not options.as_json:
            echo(f"The service runs on {url}, with a store of its own.")
        _enroll(client)
        answers = [DemoAnswer(probe, client.identify(probe.file)) for probe in progress(probes(), "Identifying")]
        spoken = write_conversation(folder / "talk.wav")
        return answers, shown_turns(spoken, client.recording(folder / "talk.wav"))


def _enroll(client: Client) -> None:
    utterances = [(name, file) for name, voice in samples.voices().items() for file in voice.enroll]
    for name, file in progress(utterances, "Enrolling"):
        client.enroll(name, file)


def _show(answers: Sequence[DemoAnswer]) -> None:
    table(
        ("probe", "expected", "decision", "name", "llr", "probability", "right?"),
        [_row(one) for one in answers],
        title=f"{len(samples.voices())} voices enrolled, {len(answers)} probes identified",
    )
    wrong = sum(not one.right for one in answers)
    echo(f"{wrong} of {len(answers)} answers are wrong." if wrong else f"All {len(answers)} answers are right.")


def _row(one: DemoAnswer) -> tuple[str, ...]:
    probe, answer = one.probe, one.answer
    return (
        f"{probe.voice}, {probe.file.stem}",
        probe.decision,
        answer.decision,
        one.name or "–",
        *best(answer),
        "yes" if one.right else "NO",
    )


def _plain(one: DemoAnswer) -> dict[str, Any]:
    probe = one.probe
    expected = {"decision": probe.decision, "speaker": probe.speaker}
    return {
        "probe": probe.file.name,
        "voice": probe.voice,
        "expected": expected,
        "answer": one.answer,
        "right": one.right,
    }


PAUSE_S = 0.6
STRANGER = "a stranger"


@dataclass(frozen=True)
class ScriptedTurn:
    """A turn of the script, from `start` to `end` seconds; `voice` is None for the stranger."""

    voice: str | None
    start: float
    end: float


@dataclass(frozen=True)
class ShownTurn:
    """A scripted turn, and who speaks for most of it by the answer: a speaker's name, or `unknown_1`."""

    spoken: ScriptedTurn
    found: str | None

    @property
    def right(self) -> bool:
        """The stranger must be the same unknown voice all along."""
        return self.found == (self.spoken.voice or "unknown_1")


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


def shown_turns(spoken: Sequence[ScriptedTurn], recording: Recording) -> list[ShownTurn]:
    return [ShownTurn(one, _most(one, recording.turns)) for one in spoken]


def _most(spoken: ScriptedTurn, turns: Sequence[Turn]) -> str | None:
    seconds: dict[str, float] = {}
    for turn in turns:
        name = turn.speaker.name if turn.speaker else turn.voice
        both = min(turn.end, spoken.end) - max(turn.start, spoken.start)
        if both > 0:
            seconds[name] = seconds.get(name, 0.0) + both
    return max(seconds, key=lambda name: seconds[name]) if seconds else None


def _show_turns(shown: Sequence[ShownTurn]) -> None:
    table(
        ("start", "end", "who speaks", "heard", "right?"),
        [
            (
                number(one.spoken.start),
                number(one.spoken.end),
                one.spoken.voice or STRANGER,
                one.found or "–",
                "yes" if one.right else "NO",
            )
            for one in shown
        ],
        title="Who spoke when in one recording",
    )
    wrong = sum(not one.right for one in shown)
    echo(f"{wrong} of {len(shown)} are wrong." if wrong else "Every turn has its speaker.")


def _turn_json(shown: Sequence[ShownTurn]) -> list[dict[str, Any]]:
    return [
        {
            "start": one.spoken.start,
            "end": one.spoken.end,
            "voice": one.spoken.voice,
            "heard": one.found,
            "right": one.right,
        }
        for one in shown
    ]
