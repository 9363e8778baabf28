"""Recordings of several people: sent, followed until they are done, listed, stopped, erased."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import quote

from speakerid.client.wire import Audio, Call, ClientError, Wire, read, unreadable
from speakerid.names import from_filename, joined
from speakerid.types import Recording, RecordingJob, RecordingResult, Reembedding, SpeakerCount

Watch = Callable[[float, float | None], None]  # percent done, and 100
LOOK_S = (0.2, 0.5, 1.0)  # the first looks follow faster: short recordings take a second or two
Job = TypeVar("Job", RecordingResult, Reembedding)
ENDED = ("done", "failed", "cancelled")


def unwatched(done: float, total: float | None) -> None:
    """Progress that is not watched."""


class Jobs:
    def __init__(self, wire: Wire, gallery: str) -> None:
        self._wire = wire
        self._path = f"{gallery}/recordings"

    def send(
        self,
        audio: Audio,
        count: SpeakerCount,
        candidates: Iterable[str] | None,
        channel: str | int,
        webhook: str | None = None,
        name: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> RecordingJob:
        """The job that waits now. A path's file is read as it is sent, an opened one whole; a URL is the server's."""
        url = audio if isinstance(audio, str) and audio.startswith(("http://", "https://")) else None
        path = audio if isinstance(audio, str | Path) and url is None else None
        named = name if name is not None or path is None else from_filename(path)
        options = vars(count) | {"channel": channel, "webhook": webhook, "name": named}
        params = {key: value for key, value in options.items() if value is not None} | restricted(candidates, tags)
        if url is not None:
            return self._wire.ask(RecordingJob, Call("POST", self._path, params, json={"url": url}))
        headers = {"Content-Type": "application/octet-stream"}
        with _opened(audio) as content:
            return self._wire.ask(RecordingJob, Call("POST", self._path, params, content=content, headers=headers))

    def get(self, recording: str) -> RecordingResult:
        return self._wire.ask(RecordingResult, Call("GET", self._of(recording)))

    def cancel(self, recording: str) -> RecordingJob:
        return self._wire.ask(RecordingJob, Call("POST", f"{self._of(recording)}/cancel"))

    def delete(self, recording: str) -> None:
        self._wire.send(Call("DELETE", self._of(recording)))

    def follow(self, recording: str, watch: Watch) -> Recording:
        """Its result, once it is done; stopped on the server when this is interrupted. Raises ClientError."""
        try:
            job = self._ended(recording, watch)
        except BaseException:
            with suppress(ClientError):
                self.cancel(recording)
            raise
        if job.result is not None:
            return job.result
        if job.error is not None:
            raise ClientError(job.error.code, job.error.detail)
        raise ClientError("recording_cancelled", "The recording was cancelled. Send it again.")

    def _ended(self, recording: str, watch: Watch) -> RecordingResult:
        return ended(lambda: self.get(recording), watch)

    def _of(self, recording: str) -> str:
        return f"{self._path}/{quote(recording, safe='')}"


def restricted(candidates: Iterable[str] | None, tags: Iterable[str] | None) -> dict[str, str]:
    """Query parameters that say who may be named."""
    wanted = (("candidates", candidates), ("tags", tags))
    return {name: joined(values) for name, values in wanted if values is not None}


def ended(look: Callable[[], Job], watch: Watch) -> Job:
    """What `look` gives once it has ended."""
    looks = 0
    while True:
        job = look()
        watch(job.progress, 100.0)
        if job.state in ENDED:
            return job
        time.sleep(LOOK_S[min(looks, len(LOOK_S) - 1)])
        looks += 1


@contextmanager
def _opened(audio: Audio) -> Iterator[bytes | BinaryIO]:
    """Raises ClientError `file_missing`, `unsupported_audio`."""
    if not isinstance(audio, str | Path):
        yield read(audio)
        return
    try:
        with Path(audio).open("rb") as file:
            yield file
    except OSError as error:
        raise unreadable(audio, error) from error
