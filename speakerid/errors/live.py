"""Live streams that cannot go on."""

from __future__ import annotations

from speakerid.errors.base import SpeakeridError


class StreamError(SpeakeridError):
    code = "stream_error"


class StreamIdle(StreamError):
    code = "stream_idle"

    def __init__(self, after_s: float) -> None:
        super().__init__(f'No or hardly any audio came for {after_s:g} s. Send audio, or {{"type": "end"}} at its end.')


class StreamTooLong(StreamError):
    code = "stream_too_long"

    def __init__(self, after_s: float) -> None:
        super().__init__(f"A stream may last {after_s:g} s. Open another one to go on.")


class MessageTooLarge(StreamError):
    code = "message_too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"A message has more than {limit_bytes} bytes. Send the audio in smaller pieces.")
