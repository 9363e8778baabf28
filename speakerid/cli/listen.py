"""`speakerid listen`."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speakerid.cli.backend import open_backend
from speakerid.cli.microphone import RATE_HZ, microphone
from speakerid.cli.options import Target, with_options
from speakerid.cli.output import emit, number, plain, say

if TYPE_CHECKING:
    from speakerid.types import Event, LiveTurn, SpeakerRef

MESSAGE_S = 0.1


@with_options
def listen(
    target: Target,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="What to listen to; the microphone where none is named.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="As fast as it can be worked on, not in real time.")] = False,
    candidates: Annotated[
        str | None, typer.Option("--candidates", metavar="A,B", help="Only these speakers may be named (names or ids).")
    ] = None,
) -> None:
    """Who speaks right now? A line for each turn, until the file ends or Ctrl-C.

    --json prints the events, a line each: `turn` (of which those with "final": true stay), `enough`, `done`.
    """
    names = None if candidates is None else [one.strip() for one in candidates.split(",") if one.strip()]
    stopped = threading.Event()
    with open_backend(target) as backend, _stopped_by_ctrl_c(stopped), _shown(target.as_json) as show:
        messages = microphone(stopped) if file is None else _messages(file, stopped, fast=fast)
        for event in backend.listen(messages, candidates=names):
            show(event)


def _messages(file: Path, stopped: threading.Event, *, fast: bool) -> Iterator[bytes]:
    """Its samples, 16 bits at 16 kHz, each message in real time unless `fast`. Raises AudioError."""
    import numpy as np

    from speakerid.audio.byte_source import mapped_file
    from speakerid.audio.decode import stream
    from speakerid.audio.limits import RECORDING
    from speakerid.audio.pieces import rechunked

    began, spoken_s = time.monotonic(), 0.0
    with mapped_file(file) as data:
        for block in rechunked(stream(data, limits=RECORDING), int(RATE_HZ * MESSAGE_S)):
            spoken_s += len(block) / RATE_HZ
            if stopped.wait(0.0 if fast else max(began + spoken_s - time.monotonic(), 0.0)):
                return
            yield np.rint(np.clip(block, -1.0, 1.0) * 32_767.0).astype("<i2").tobytes()


@contextmanager
def _stopped_by_ctrl_c(stopped: threading.Event) -> Iterator[None]:
    """The first Ctrl-C ends the audio, so that the last words are still answered; the second ends the command."""

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        stopped.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _shown(as_json: bool) -> Iterator[Callable[[Event], None]]:
    """What to do with each event: who speaks now is a line that changes, where a person watches."""
    if as_json:
        yield emit
        return
    if not sys.stdout.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.status import Status

    with Status("Listening", console=Console(markup=False, emoji=False, highlight=False)) as status:

        def show(event: Event) -> None:
            if event.type == "turn" and not event.final:
                status.update(plain(f"{_clock(event.end)} {_who(event.speaker, event.voice)} …"))
            else:
                _line(event)

        yield show


def _line(event: Event) -> None:
    if event.type == "ready":
        say(f"Listening, gallery {event.gallery}.")
    elif event.type == "turn" and event.final:
        say(f"{_clock(event.start)} – {_clock(event.end)}  {_who(event.speaker, event.voice)}{_certainty(event)}")
    elif event.type == "enough":
        found = "is not enrolled" if event.speaker is None else "is certain"
        who = _who(event.speaker, event.voice)
        say(f"{'':15s}  {who} {found} after {number(event.speech_seconds)} s of speech")
    elif event.type == "done":
        voices = ", ".join(f"{_who(one.speaker, one.voice)} {number(one.speech_seconds)} s" for one in event.voices)
        say(f"{number(event.seconds)} s heard. {voices or 'No speech was found.'}")


def _certainty(turn: LiveTurn) -> str:
    return f"  llr {number(turn.llr)}, probability {number(turn.probability, 3)}" if turn.speaker else ""


def _who(speaker: SpeakerRef | None, voice: str) -> str:
    return speaker.name if speaker else voice


def _clock(seconds: float) -> str:
    from speakerid.diarization.formats import clock

    return clock(seconds)
