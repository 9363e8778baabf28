"""No request body grows past its limit: the operator's for audio and for recordings, 1 MiB for everything else."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from speakerid.errors import FileTooLarge

AUDIO_PATHS = ("/utterances", "/identify", "/verify", "/embeddings")
RECORDINGS = "/recordings"
MULTIPART_BYTES = 64 * 1024  # what a form adds to its file
OTHER_BYTES = 1024 * 1024


class BodyLimit:
    def __init__(self, app: ASGIApp, max_audio_bytes: int, max_recording_bytes: int) -> None:
        self._app = app
        self._max_audio_bytes = max_audio_bytes
        self._max_recording_bytes = max_recording_bytes + MULTIPART_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        limit = self._limit(scope["path"])
        announced = Headers(scope=scope).get("content-length", "")
        read = 0

        async def bounded() -> Message:
            nonlocal read
            too_long = announced.isdecimal() and int(announced) > limit
            message = {} if too_long else await receive()
            read += len(message.get("body", b""))
            if too_long or read > limit:
                # An HTTPException, because it is the one kind that FastAPI passes on while it reads a body.
                raise HTTPException(413, str(FileTooLarge(limit)))
            return message

        await self._app(scope, bounded, send)

    def _limit(self, path: str) -> int:
        if path.endswith(RECORDINGS):
            return self._max_recording_bytes
        return self._max_audio_bytes if path.endswith(AUDIO_PATHS) else OTHER_BYTES
