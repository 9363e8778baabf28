"""`speakerid listen`: a file or the microphone (sounddevice on PortAudio, the extra `listen`)."""

from __future__ import annotations

import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speakerid.cli.backend import open_backend
from speakerid.cli.console import echo, emit, number, plain
from speakerid.cli.inputs import STDIN, is_fifo
from speakerid.cli.options import Candidates, Tagged, Target, names_in, with_options
from speakerid.errors import SpeakeridError
from speakerid.errors.extras import how_to_install

if TYPE_CHECKING:
    from speakerid.types import Event, LiveTurn, SpeakerRef

RATE_HZ = 16_000
BLOCK_S = 0.1
PATIENCE_S = 5.0  # for the next block of a device that runs
WAITING = 100  # blocks, 10 s, after which a consumer that is too slow loses some
MESSAGE_S = 0.1


@with_options
def listen(
    target: Target,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="What to listen to; the microphone where none is named.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="As fast as it can be worked on, not in real time.")] = False,
    candidates: Candidates = None,
    tag: Tagged = None,
    classifier: Annotated[
        list[str] | None, typer.Option("--classifier", metavar="NAME", help="Spot its words, too; repeatable.")
    ] = None,
) -> None:
    """Who speaks right now? A line for each turn, until the file ends or Ctrl-C.

    --json prints the events, a line each: `turn` (of which those with "final": true stay), `enough`, `word`, `done`.
    """
    if file is not None:
        _require_audio(file)
    stopped = threading.Event()
    with open_backend(target) as backend, _stopped_by_ctrl_c(stopped), _shown(target.as_json) as show:
        messages = microphone(stopped) if file is None else _messages(file, stopped, fast=fast)
        for event in backend.listen(messages, candidates=names_in(candidates), tags=tag, classifiers=classifier or ()):
            show(event)


def _require_audio(file: Path) -> None:
    """Before anything says that it listens. Raises typer.BadParameter, FileMissing, AudioError."""
    if file == STDIN or is_fifo(file):
        raise typer.BadParameter(
            "listen goes through a file, or hears the microphone where none is named; it reads no pipe. Write the "
            "audio to a file, or send it to a server's stream while it comes."
        )
    from speakerid.audio.byte_source import mapped_file
    from speakerid.audio.decode import read_announced
    from speakerid.audio.limits import RECORDING

    with mapped_file(file) as data:
        read_announced(data, limits=RECORDING)


def _messages(file: Path, stopped: threading.Event, *, fast: bool) -> Iterator[bytes]:
    """Its samples, 16 bits at 16 kHz, each message in real time unless `fast`. Raises AudioError."""
    import numpy as np

    from speakerid.audio.byte_source import mapped_file
    from speakerid.audio.conditioning import rechunked
    from speakerid.audio.decode import stream
    from speakerid.audio.limits import RECORDING

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
        echo(f"Listening, gallery {event.gallery}.")
    elif event.type == "turn" and event.final:
        echo(f"{_clock(event.start)} – {_clock(event.end)}  {_who(event.speaker, event.voice)}{_certainty(event)}")
    elif event.type == "word":
        echo(f"{_clock(event.end):>15s}  {event.classifier}: {event.label}  probability {number(event.score, 3)}")
    elif event.type == "enough":
        found = "is not enrolled" if event.speaker is None else "is certain"
        who = _who(event.speaker, event.voice)
        echo(f"{'':15s}  {who} {found} after {number(event.speech_seconds)} s of speech")
    elif event.type == "done":
        voices = ", ".join(f"{_who(one.speaker, one.voice)} {number(one.speech_seconds)} s" for one in event.voices)
        echo(f"{number(event.seconds)} s heard. {voices or 'No speech was found.'}")


def _certainty(turn: LiveTurn) -> str:
    return f"  llr {number(turn.llr)}, probability {number(turn.probability, 3)}" if turn.speaker else ""


def _who(speaker: SpeakerRef | None, voice: str) -> str:
    return speaker.name if speaker else voice


def _clock(seconds: float) -> str:
    from speakerid.diarization.formats import clock

    return clock(seconds)


class MicrophoneUnavailable(SpeakeridError, code="microphone_unavailable"): ...


def microphone(stopped: threading.Event) -> Iterator[bytes]:
    """16-bit samples at 16 kHz, until `stopped`. Raises MicrophoneUnavailable."""
    sounddevice = _sounddevice()
    blocks: queue.Queue[bytes] = queue.Queue(WAITING)

    def keep(block: Any, frames: int, time: object, status: object) -> None:
        if not blocks.full():
            blocks.put_nowait(bytes(block))

    try:
        with sounddevice.RawInputStream(
            samplerate=RATE_HZ, channels=1, dtype="int16", blocksize=int(RATE_HZ * BLOCK_S), callback=keep
        ):
            while not stopped.is_set():
                yield blocks.get(timeout=PATIENCE_S)
    except sounddevice.PortAudioError as error:
        raise MicrophoneUnavailable(f"The microphone cannot be used ({error}). Check that one is connected.") from error
    except queue.Empty:
        raise MicrophoneUnavailable("The microphone gives no sound. Check that it is connected and allowed.") from None


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise MicrophoneUnavailable(
            f"Listening to a microphone needs sounddevice. {how_to_install('listen')} Or name a file."
        ) from None
    except OSError as error:  # the package is there, PortAudio itself is not
        raise MicrophoneUnavailable(
            f"The sound library PortAudio is missing ({error}). Install it, or name a file."
        ) from None
    return sounddevice
