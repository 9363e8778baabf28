"""Audio as it comes in: the raw body, or the part `file` of a multipart form; nothing of it is kept here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from email.message import Message
from io import BytesIO
from pathlib import PureWindowsPath
from typing import Annotated, Any

from fastapi import Depends, Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from speakerid.api.not_audio import HEAD_BYTES
from speakerid.api.parameters import parameter_names
from speakerid.errors import EmptyAudio, InvalidRequest

PART = "file"
MAX_PARTS = 100  # what a part costs does not depend on its size
PLAIN = ("7bit", "8bit", "binary")  # transfer encodings that change nothing
AUDIO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "WAV, FLAC, MP3, M4A, Ogg, WebM, AMR, WMA, AIFF …, any rate: what FFmpeg reads by its content.",
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


class AudioUpload:
    """The audio of a request, as it comes. `filename` is None, and known once the first chunk is there.

    `values` are the text fields of a form, as they came, if they are wanted `with_values`; known at the end.
    """

    def __init__(self, request: Request, *, with_values: bool = False) -> None:
        self._request = request
        self._with_values = with_values
        self.values: list[tuple[str, str]] = []
        self._declared = request.headers.get("content-type", "")
        self.is_form = self._declared.lower().startswith("multipart/form-data")
        self.filename: str | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The declared type is never trusted.

        Raises InvalidRequest for a form that cannot be read or has not one file.
        """
        if not self.is_form:
            async for chunk in self._raw():
                yield chunk
            return
        form = _Form(self._declared, parameter_names(self._request), with_values=self._with_values)
        async for chunk in self._request.stream():
            for piece in form.feed(chunk):
                self.filename = form.filename
                yield piece
        form.end()
        self.values = form.values()

    async def _raw(self) -> AsyncIterator[bytes]:
        async for chunk in self._request.stream():
            if len(head := head_of(self._request)) < HEAD_BYTES:
                self._request.state.head = head + chunk[: HEAD_BYTES - len(head)]
            yield chunk


def head_of(request: Request) -> bytes:
    """What a raw body began with: where it turns out to be no audio, its sender learns from this what it is."""
    head: bytes = getattr(request.state, "head", b"")
    return head


async def audio_of(request: Request) -> bytes:
    """One audio file, in memory once. Raises EmptyAudio, InvalidRequest."""
    file = BytesIO()
    async for chunk in AudioUpload(request).chunks():
        file.write(chunk)
    if not file.tell():
        raise EmptyAudio
    return file.getvalue()  # no copy: CPython hands its own buffer on


async def form_of(request: Request) -> tuple[bytes, list[tuple[str, str]]]:
    """The file of a form, and its text fields. Raises EmptyAudio, InvalidRequest."""
    file, upload = BytesIO(), AudioUpload(request, with_values=True)
    if not upload.is_form:
        raise InvalidRequest("Send a multipart form with the audio in the part 'file', and the other fields beside it.")
    async for chunk in upload.chunks():
        file.write(chunk)
    if not file.tell():
        raise EmptyAudio
    return file.getvalue(), upload.values


AudioDep = Annotated[bytes, Depends(audio_of)]


class _Form:
    """The parser's events, part by part; only the part `file` is kept, and only until it is handed on. Texts are kept
    where they are wanted.

    The parser bounds a part's headers, in number and size. `parameters` are what the route takes in its address: a
    field of such a name would be ignored, and is refused.
    """

    def __init__(self, declared: str, parameters: Collection[str], *, with_values: bool) -> None:
        boundary = parse_options_header(declared)[1].get(b"boundary")
        if not boundary:
            raise InvalidRequest(
                "The Content-Type multipart/form-data names no boundary. Set no Content-Type yourself: your HTTP "
                "client writes it when it is given the form."
            )
        with _readable():
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._field,
                    "on_header_value": self._value,
                    "on_header_end": self._header,
                    "on_headers_finished": self._headers,
                    "on_part_data": self._data,
                },
            )
        self._parameters = parameters
        self._name, self._text = b"", b""
        self._part = Message()
        self._wanted = self._found = False
        self._others: list[str] = []
        self._parts = 0
        self._with_values = with_values
        self._values: list[tuple[str, bytearray]] = []
        self._value_comes = False
        self._ready: list[bytes] = []
        self.filename: str | None = None

    def feed(self, chunk: bytes) -> list[bytes]:
        with _readable():
            self._parser.write(chunk)
        ready, self._ready = self._ready, []
        return ready

    def end(self) -> None:
        if not self._found and PART in self._others:
            raise InvalidRequest("The part 'file' is a text, not a file. With curl: -F file=@PATH, with the @.")
        if not self._found:
            there_is = f"; there is {', '.join(map(repr, self._others))}" if self._others else ""
            raise InvalidRequest(f"The form has no file in a part named 'file'{there_is}. Name the part 'file'.")
        if self._parser.state != MultipartState.END:
            raise InvalidRequest("The form ends before its last boundary, so its file may too. Send it again, whole.")

    def values(self) -> list[tuple[str, str]]:
        """Raises InvalidRequest."""
        try:
            return [(name, value.decode()) for name, value in self._values]
        except UnicodeDecodeError as error:
            raise InvalidRequest("A field of the form is no text in UTF-8. Let your HTTP client write it.") from error

    def _begin(self) -> None:
        self._value_comes = False
        self._wanted, self._name, self._text, self._part = False, b"", b"", Message()
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InvalidRequest(f"The multipart body has more than {MAX_PARTS} parts. Send one named 'file' alone.")

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._text += data[start:end]

    def _header(self) -> None:
        text = self._text.decode("utf-8", "replace").replace("\0", "")  # the name of a charset must not have one
        self._part[self._name.decode("latin-1")] = text
        self._name, self._text = b"", b""

    def _headers(self) -> None:
        name, is_file = _name_of(self._part), _is_file(self._part)
        if is_file and self._found:
            raise InvalidRequest("The form has more than one file. Send one file a request.")
        if not is_file and name in self._parameters:
            raise InvalidRequest(f"The form has a field {name!r}. Parameters go into the address: ?{name}=….")
        self._wanted = is_file and name == PART
        if self._wanted:
            self._begin_file()
        else:
            self._others.append(name[:64])
            self._begin_value(name, is_file)

    def _begin_value(self, name: str, is_file: bool) -> None:
        self._value_comes = self._with_values and not is_file
        if self._value_comes:
            self._values.append((name, bytearray()))

    def _begin_file(self) -> None:
        encoding = self._part.get("Content-Transfer-Encoding", "binary").strip().lower()
        if encoding not in PLAIN:
            raise InvalidRequest(f"The part 'file' is encoded as {encoding[:32]!r}. Send its bytes as they are.")
        self._found, self.filename = True, _filename_of(self._part)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._wanted:
            self._ready.append(data[start:end])
        elif self._value_comes:
            self._values[-1][1].extend(data[start:end])


@contextmanager
def _readable() -> Iterator[None]:
    """Raises InvalidRequest for what is no form, or has a name in a charset that is none (RFC 2231)."""
    try:
        yield
    except (FormParserError, UnicodeError) as error:
        raise InvalidRequest(
            f"The multipart body cannot be read ({error}). Let your HTTP client write body and Content-Type, with "
            "the file in the part 'file'; or send the file's bytes alone, without a multipart Content-Type."
        ) from error


def _name_of(part: Message) -> str:
    name = part.get_param("name", "", "content-disposition")
    return name if isinstance(name, str) else name[2]  # RFC 2231: charset, language, text


def _is_file(part: Message) -> bool:
    """By its name, or by its type: some clients send files without a name."""
    declared = part.get("Content-Type", "text/plain").strip().lower()
    return _filename_of(part) is not None or not declared.startswith("text/")


def _filename_of(part: Message) -> str | None:
    """Its last part, where a path was sent; from `filename*` (RFC 5987) as well."""
    found = part.get_filename()
    return None if found is None else PureWindowsPath(found).name
