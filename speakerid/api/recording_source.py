"""Where the audio of a recording comes from: the body itself, or a URL in a small JSON object."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import anyio
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from speakerid.api.upload import AUDIO_BODY, AudioUpload
from speakerid.errors import InvalidRequest

T = TypeVar("T")
EXAMPLE = '{"url": "https://media.example.org/meeting.m4a"}'
JSON_BYTES = 16 * 1024


class RecordingAddress(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    url: str = Field(max_length=2000, description="An http or https URL on a host that the operator listed.")


def _body() -> dict[str, Any]:
    audio = AUDIO_BODY["requestBody"]
    content = audio["content"] | {"application/json": {"schema": RecordingAddress.model_json_schema()}}
    return {"requestBody": {**audio, "content": content}}


AUDIO_OR_URL = _body()


async def url_or_audio(upload: AudioUpload, chunks: AsyncIterator[bytes]) -> tuple[bytes, str | None]:
    """The first bytes of a body, and the URL where these are all of it and name one. Raises InvalidRequest."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if upload.is_form or not _may_be_json(head):
            return head, None
    return head, None if upload.is_form else _url(head)


def _may_be_json(head: bytes) -> bool:
    """No audio file begins so."""
    return head.lstrip()[:1] in (b"", b"{") and len(head) <= JSON_BYTES


def _url(body: bytes) -> str | None:
    """None where it is something else, which is for others to name."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or "url" not in found:
        return None
    try:
        return RecordingAddress.model_validate(found).url
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(
            f"{where}: {first['msg']}. Send the bytes of a recording, or JSON such as {EXAMPLE}; everything else goes "
            "into the address."
        ) from error


async def in_own_thread(work: Callable[[], T]) -> T:
    """Outside the pool that serves every request: it may take minutes. As many at a time as recordings may come in."""
    return await anyio.to_thread.run_sync(work, limiter=anyio.CapacityLimiter(1))
