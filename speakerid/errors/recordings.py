"""Recordings as jobs, and live streams."""

from __future__ import annotations

from collections.abc import Sequence

from speakerid.errors.base import InvalidRequest, Overloaded, SpeakeridError
from speakerid.errors.store import Conflict, NotFound
from speakerid.names import quoted

VOICES_SHOWN = 20
RETRY_AFTER_S = 30  # a recording takes minutes


class RecordingNotFound(NotFound, code="recording_not_found"):
    def __init__(self, recording: str) -> None:
        super().__init__(
            f"There is no recording {quoted(recording)} in this gallery. List the recordings to see their ids."
        )


class RecordingAudioNotKept(NotFound, code="recording_audio_not_kept"):
    def __init__(self) -> None:
        super().__init__(
            "The audio of this recording is not kept. Switch 'keep_audio' of the gallery on and send it again."
        )


class RecordingNotReady(Conflict, code="recording_not_ready"):
    def __init__(self, state: str, percent: float) -> None:
        super().__init__(f"The recording is {state} ({percent:.0f} %). Ask again when its state is done.")


class RecordingWithoutResult(Conflict, code="recording_without_result"):
    """It failed or was cancelled."""

    def __init__(self, state: str, why: str | None) -> None:
        because = f": {why}" if why else "."
        super().__init__(f"The recording {'failed' if state == 'failed' else 'was cancelled'}{because} Send it again.")


class RecordingEnded(Conflict, code="recording_ended"):
    def __init__(self, state: str) -> None:
        super().__init__(f"The recording cannot be cancelled any more: it is {state}. Delete it to erase it.")


class RecordingAbandoned(Conflict, code="recording_abandoned"):
    """It was begun several times. `why`: what this machine lacked at last; None where whoever worked on it was gone."""

    def __init__(self, why: str | None = None) -> None:
        at_last = (
            "At last the process that worked on it ended. Look for the cause in the log of the workers, such as too "
            "little memory; then send it again."
            if why is None
            else f"At last the machine could not work on it: {why} Send it again when that is mended."
        )
        super().__init__(f"It was begun several times and never finished, so it is not tried again. {at_last}")


class VoiceNotFound(NotFound, code="voice_not_found"):
    def __init__(self, voice: str, there_is: Sequence[str]) -> None:
        names = ", ".join(there_is[:VOICES_SHOWN]) or "none"
        super().__init__(f"There is no voice {quoted(voice)} in this recording. There is: {names}.")


class VoiceNotKept(Conflict, code="voice_not_kept"):
    """Of a recording's voice there is nothing that somebody could be enrolled from."""

    def __init__(self, voice: str, why: str) -> None:
        super().__init__(f"Of voice {quoted(voice)} nothing is kept to enroll from: {why}.")


class TooManyRecordings(Overloaded, code="too_many_recordings"):
    def __init__(self, limit: int) -> None:
        super().__init__(RETRY_AFTER_S, f"{limit} of your recordings wait already; you may cancel some.")


class WebhookRefused(InvalidRequest, code="webhook_refused"): ...


class FetchRefused(InvalidRequest, code="fetch_refused"):
    """A URL that the operator does not let be fetched."""


class FetchFailed(InvalidRequest, code="fetch_failed"):
    def __init__(self, why: str) -> None:
        super().__init__(f"The recording could not be fetched: {why}. Check the URL, or send the bytes themselves.")


class StreamError(SpeakeridError, code="stream_error"): ...


class StreamIdle(StreamError, code="stream_idle"):
    def __init__(self, after_s: float) -> None:
        super().__init__(f'No or hardly any audio came for {after_s:g} s. Send audio, or {{"type": "end"}} at its end.')


class StreamTooLong(StreamError, code="stream_too_long"):
    def __init__(self, after_s: float) -> None:
        super().__init__(f"A stream may last {after_s:g} s. Open another one to go on.")


class MessagesTooSmall(StreamError, code="messages_too_small"):
    def __init__(self) -> None:
        super().__init__("Too many tiny messages came at once. Send 20 ms of audio or more in each.")


class MessageTooLarge(StreamError, code="message_too_large"):
    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"A message has more than {limit_bytes} bytes. Send the audio in smaller pieces.")
