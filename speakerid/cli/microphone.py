"""The microphone, through sounddevice (PortAudio): the extra `listen`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

from speakerid.errors import SpeakeridError
from speakerid.errors.extras import how_to_install

RATE_HZ = 16_000
BLOCK_S = 0.1
PATIENCE_S = 5.0  # for the next block of a device that runs
WAITING = 100  # blocks, 10 s, after which a listener who is too slow loses some


class MicrophoneUnavailable(SpeakeridError):
    code = "microphone_unavailable"


def microphone(stopped: threading.Event) -> Iterator[bytes]:
    """16-bit samples at 16 kHz, until `stopped`. Raises MicrophoneUnavailable."""
    sounddevice = _sounddevice()
    heard: queue.Queue[bytes] = queue.Queue(WAITING)

    def keep(block: Any, frames: int, time: object, status: object) -> None:
        if not heard.full():
            heard.put_nowait(bytes(block))

    try:
        with sounddevice.RawInputStream(
            samplerate=RATE_HZ, channels=1, dtype="int16", blocksize=int(RATE_HZ * BLOCK_S), callback=keep
        ):
            while not stopped.is_set():
                yield heard.get(timeout=PATIENCE_S)
    except sounddevice.PortAudioError as error:
        raise MicrophoneUnavailable(f"The microphone cannot be used ({error}). Check that one is connected.") from error
    except queue.Empty:
        raise MicrophoneUnavailable("The microphone gives no sound. Check that it is connected and allowed.") from None


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise MicrophoneUnavailable(
            f"Listening to a microphone needs sounddevice. {how_to_install('listen')}. Or name a file."
        ) from None
    except OSError as error:  # the package is there, PortAudio itself is not
        raise MicrophoneUnavailable(
            f"The sound library PortAudio is missing ({error}). Install it, or name a file."
        ) from None
    return sounddevice
