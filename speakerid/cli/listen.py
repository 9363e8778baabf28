"""`speakerid listen`."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from speakerid.cli.backend import open_voices
from speakerid.cli.microphone import RATE_HZ, microphone
from speakerid.cli.options import Target, with_options
from speakerid.cli.output import emit, number, plain, say

MESSAGE_S = 0.1


@with_options
def listen(
    target: Target,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="What to listen to; the microphone where none is named.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="As fast as it can be heard, not as it was said.")] = False,
    candidates: Annotated[
        str | None, typer.Option("--candidates", metavar="A,B", help="Only these speakers may be named (names or ids).")
    ] = None,
) -> None:
    """Who speaks, while it is said? A line for each turn, until the file ends or Ctrl-C.

    --json prints the events, a line each: `turn` (of which those with "final": true stay), `enough`, `done`.
    """
    names = None if candidates is None else [one.strip() for one in candidates.split(",") if one.strip()]
    stopped = threading.Event()
    with open_voices(target) as voices, _stopped_by_ctrl_c(stopped), _shown(target.as_json) as show:
        messages = microphone(stopped) if file is None else _messages(file, stopped, fast=fast)
        for event in voices.stream(messages, candidates=names):
            show(event)


def _messages(file: Path, stopped: threading.Event, *, fast: bool) -> Iterator[bytes]:
    """Its samples, 16 bits at 16 kHz, each message when it would have been said. Raises AudioError."""
    import numpy as np

    from speakerid.audio.byte_source import mapped_file
    from speakerid.audio.decode import stream
    from speakerid.audio.limits import RECORDING
    from speakerid.audio.pieces import rechunked

    began, said_s = time.monotonic(), 0.0
    with mapped_file(file) as data:
        for block in rechunked(stream(data, limits=RECORDING), int(RATE_HZ * MESSAGE_S)):
            said_s += len(block) / RATE_HZ
            if stopped.wait(0.0 if fast else max(began + said_s - time.monotonic(), 0.0)):
                return
            yield np.rint(np.clip(block, -1.0, 1.0) * 32_767.0).astype("<i2").tobytes()


@contextmanager
def _stopped_by_ctrl_c(stopped: threading.Event) -> Iterator[None]:
    """The first Ctrl-C ends the audio, so that what was said last is still answered; the second ends the command."""

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        stopped.set()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _shown(as_json: bool) -> Iterator[Any]:
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

        def show(event: dict[str, Any]) -> None:
            if event["type"] == "turn" and not event["final"]:
                status.update(plain(f"{_clock(event['end'])} {_who(event)} …"))
            else:
                _line(event)

        yield show


def _line(event: dict[str, Any]) -> None:
    if event["type"] == "ready":
        say(f"Listening, gallery {event['gallery']}.")
    elif event["type"] == "turn" and event["final"]:
        sure = (
            f"  llr {number(event['llr'])}, probability {number(event['probability'], 3)}" if event["speaker"] else ""
        )
        say(f"{_clock(event['start'])} – {_clock(event['end'])}  {_who(event)}{sure}")
    elif event["type"] == "enough":
        said = "is not enrolled" if event["speaker"] is None else "is certain"
        say(f"{'':15s}  {_who(event)} {said} after {number(event['speech_seconds'])} s of speech")
    elif event["type"] == "done":
        voices = ", ".join(f"{_who(one)} {number(one['speech_seconds'])} s" for one in event["voices"])
        say(f"{number(event['seconds'])} s heard. {voices or 'No speech was found.'}")


def _who(answer: dict[str, Any]) -> str:
    return str(answer["speaker"]["name"] if answer["speaker"] else answer["voice"])


def _clock(seconds: float) -> str:
    from speakerid.diarization.formats import clock

    return clock(seconds)
