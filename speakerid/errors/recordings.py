"""Recordings as jobs, and live streams."""

from __future__ import annotations

from speakerid.errors.base import InvalidRequest, Overloaded, SpeakeridError
from speakerid.errors.store import Conflict, NotFound

RETRY_AFTER_S = 30  # a recording takes minutes


class RecordingNotFound(NotFound):
    code = "recording_not_found"

    def __init__(self, recording: str) -> None:
        super().__init__(f"There is no recording {recording!r} in this gallery. List the recordings to see their ids.")


class RecordingNotReady(Conflict):
    code = "recording_not_ready"

    def __init__(self, state: str, percent: float) -> None:
        super().__init__(f"The recording is {state} ({percent:.0f} %). Ask again when its state is done.")


class RecordingWithoutResult(Conflict):
    """It failed or was cancelled."""

    code = "recording_without_result"

    def __init__(self, state: str, why: str | None) -> None:
        because = f": {why}" if why else "."
        super().__init__(f"The recording {'failed' if state == 'failed' else 'was cancelled'}{because} Send it again.")


class RecordingEnded(Conflict):
    code = "recording_ended"

    def __init__(self, state: str) -> None:
        super().__init__(f"The recording cannot be cancelled any more: it is {state}. Delete it to erase it.")


class RecordingAbandoned(Conflict):
    """Whoever began with it was gone before it was done, several times."""

    code = "recording_abandoned"

    def __init__(self, attempts: int) -> None:
        super().__init__(
            f"The process that worked on it ended {attempts} times before it was done, so it is not tried again. "
            "Look for the cause in the log of the workers, such as too little memory; then send it again."
        )


class TooManyRecordings(Overloaded):
    code = "too_many_recordings"

    def __init__(self, limit: int) -> None:
        super().__init__(RETRY_AFTER_S)
        self.args = (f"{limit} of your recordings wait already. Try again in {RETRY_AFTER_S} s, or cancel some.",)


class WebhookRefused(InvalidRequest):
    code = "webhook_refused"


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
