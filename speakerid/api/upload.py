"""Audio as it comes in: the raw body, or the part `file` of a multipart form; nothing of it is kept here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Annotated, Any

from fastapi import Depends, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from speakerid.errors import EmptyAudio, InvalidRequest

PART = b"file"
MAX_PARTS = 100  # what a part costs does not depend on its size
AUDIO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "WAV, FLAC, MP3, OGG/Opus, WebM/Opus, M4A or G.711 WAV; any rate. The content is sniffed.",
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "audio/*": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


async def audio_stream(request: Request) -> AsyncIterator[bytes]:
    """Raises InvalidRequest for a form that cannot be read or has not one file. The declared type is never trusted."""
    declared = request.headers.get("content-type", "")
    if not declared.lower().startswith("multipart/form-data"):
        async for chunk in request.stream():
            yield chunk
        return
    form = _Form(declared)
    async for chunk in request.stream():
        for piece in form.feed(chunk):
            yield piece
    form.end()


async def audio_of(request: Request) -> bytes:
    """One audio file, in memory once. Raises EmptyAudio, InvalidRequest."""
    file = BytesIO()
    async for chunk in audio_stream(request):
        file.write(chunk)
    if not file.tell():
        raise EmptyAudio
    return file.getvalue()  # no copy: CPython hands its own buffer on


AudioDep = Annotated[bytes, Depends(audio_of)]


class _Form:
    """The parser's events, part by part; only the part `file` is kept, and only until it is handed on.

    The parser bounds a part's headers, in number and size.
    """

    def __init__(self, declared: str) -> None:
        boundary = parse_options_header(declared)[1].get(b"boundary")
        if not boundary:
            raise InvalidRequest("The multipart Content-Type names no boundary. Let your HTTP client write it.")
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._field,
                "on_header_value": self._value,
                "on_header_end": self._header,
                "on_part_data": self._data,
            },
        )
        self._name = b""
        self._text = b""
        self._wanted = self._found = False
        self._parts = 0
        self._ready: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidRequest(f"The multipart body cannot be read ({error}). Send one part named 'file'.") from error
        ready, self._ready = self._ready, []
        return ready

    def end(self) -> None:
        if not self._found:
            raise InvalidRequest("The multipart body has no file in a part named 'file'. Name the part 'file'.")

    def _begin(self) -> None:
        self._wanted, self._name, self._text = False, b"", b""
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InvalidRequest(f"The multipart body has more than {MAX_PARTS} parts. Send one named 'file' alone.")

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._text += data[start:end]

    def _header(self) -> None:
        if self._name.lower() == b"content-disposition":
            options = parse_options_header(self._text)[1]
            self._wanted = options.get(b"name") == PART and b"filename" in options
            if self._wanted and self._found:
                raise InvalidRequest("The multipart body has more than one file. Send one file a request.")
            self._found = self._found or self._wanted
        self._name, self._text = b"", b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._wanted:
            self._ready.append(data[start:end])
