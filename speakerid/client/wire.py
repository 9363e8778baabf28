"""One request to the server and what comes back: an answer of `speakerid.types`, or a ClientError."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from speakerid.errors import SpeakeridError
from speakerid.names import quoted_path
from speakerid.types import Page, from_json

Answer = TypeVar("Answer")
Item = TypeVar("Item")
Audio = str | Path | bytes | bytearray | memoryview | BinaryIO  # a path, or a file: its bytes, or opened
PAGE_ROWS = 200
RETRIES = 5  # how often a full server is asked again
_PROXIES = {  # what stands in front of a server says by itself
    403: "Something in front of the server refuses it: look into its rules.",
    413: "A proxy in front of the server takes no bodies of this size: raise its limit (nginx: client_max_body_size).",
    502: "A proxy in front of the server cannot reach it: check that it runs, then try again.",
    503: "A proxy in front of the server has none to give this to: try again later.",
    504: "A proxy in front of the server did not wait long enough: raise its timeout (nginx: proxy_read_timeout).",
    524: "A proxy in front of the server did not wait long enough: send it as a recording, which is a job.",
}
RETRY_AFTER_MAX_S = 30.0
RETRY_AFTER_DEFAULT_S = 1.0
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code", "error", "request_id"}  # of every problem document


class ClientError(SpeakeridError, code="client_error"):
    """`code` is the server's own, or `server_unreachable`, `unexpected_answer`, `file_missing`, `unsupported_audio`
    from this side.

    `str(error)` is a sentence for a person. `status` and `request_id` are None when no server answered. `facts` is what
    else the server's problem document has, such as the coach's `review` of a recording.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        status: int | None = None,
        request_id: str | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status
        self.request_id = request_id
        self._facts = facts or {}

    @property
    def facts(self) -> dict[str, Any]:
        return self._facts


@dataclass(frozen=True)
class Call:
    """A request. `also_good`: error statuses whose JSON is an answer all the same."""

    method: str
    path: str
    params: dict[str, Any] = field(default_factory=dict)
    json: dict[str, Any] | None = None
    content: bytes | BinaryIO | None = None
    headers: dict[str, str] = field(default_factory=dict)
    also_good: tuple[int, ...] = ()
    timeout_s: float | None = None  # where the answer takes longer than others


class Wire:
    def __init__(self, http: httpx.Client, base_url: str) -> None:
        self._http = http
        self._base_url = base_url

    @classmethod
    def open(cls, url: str, key: str | None, timeout_s: float, transport: httpx.BaseTransport | None) -> Self:
        base_url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # A proxy named in the environment cannot reach this machine's own server.
        http = httpx.Client(headers=headers, timeout=timeout_s, transport=transport, trust_env=not is_local(base_url))
        return cls(http, base_url)

    def ask(self, kind: type[Answer], call: Call) -> Answer:
        """The answer, which is of this `kind`. Raises ClientError."""
        return parsed(kind, self.send(call), self._base_url)

    def pages(self, kind: type[Page[Item]], path: str, params: dict[str, Any] | None = None) -> list[Item]:
        """All items, page after page. Raises ClientError."""
        found, asked = list[Item](), (params or {}) | {"limit": PAGE_ROWS}
        while True:
            page = self.ask(kind, Call("GET", path, asked))
            found.extend(page.items)
            if page.next_cursor is None:
                return found
            asked |= {"cursor": page.next_cursor}

    def send(self, call: Call) -> Any:
        """The JSON of the answer, None when it has no body. Raises ClientError."""
        for _ in range(RETRIES):
            response = self._try(call)
            if not _is_full(response):
                return _answer(response, call)
            time.sleep(_retry_after_s(response))
        return _answer(self._try(call), call)

    def download(self, call: Call, out: BinaryIO) -> None:
        """Write the answer's bytes to `out` as they come. Raises ClientError, also where they end too early."""
        for nth in range(RETRIES + 1):
            with self._streamed(call) as response:
                if response.is_success:
                    for piece in response.iter_bytes():
                        out.write(piece)
                    return
                response.read()
            if nth == RETRIES or not _is_full(response):
                raise _problem(response)
            time.sleep(_retry_after_s(response))

    def close(self) -> None:
        self._http.close()

    @contextmanager
    def _streamed(self, call: Call) -> Iterator[httpx.Response]:
        try:
            with self._http.stream(call.method, self._base_url + call.path, params=call.params) as response:
                yield response
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ClientError("server_unreachable", _unreachable(self._base_url, error)) from error

    def _try(self, call: Call) -> httpx.Response:
        if call.content is not None and not isinstance(call.content, bytes):
            call.content.seek(0)  # it may have been sent before, to a full server
        try:
            return self._http.request(
                call.method,
                self._base_url + call.path,
                params=call.params,
                json=call.json,
                content=call.content,
                headers=call.headers,
                timeout=httpx.USE_CLIENT_DEFAULT if call.timeout_s is None else call.timeout_s,
            )
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise ClientError("server_unreachable", _unreachable(self._base_url, error)) from error


def read(audio: Audio) -> bytes:
    """Raises ClientError `file_missing`, `unsupported_audio`."""
    if isinstance(audio, bytes | bytearray | memoryview):
        return bytes(audio)
    if isinstance(audio, str | Path):
        try:
            return Path(audio).read_bytes()
        except OSError as error:
            raise unreadable(audio, error) from error
    content = audio.read() if hasattr(audio, "read") else None
    if not isinstance(content, bytes):
        what = f"What was given is no audio (type {type(audio).__name__})."
        way_out = "Pass a path, the bytes of a file or a file opened in binary mode; write samples to a WAV file."
        raise ClientError("unsupported_audio", f"{what} {way_out}")
    return content


def unreadable(audio: str | Path, error: OSError) -> ClientError:
    return ClientError("file_missing", f"{quoted_path(audio)} cannot be read ({error.strerror}). Check the path.")


def parsed(kind: type[Answer], values: object, url: str) -> Answer:
    """Raises ClientError `unexpected_answer`."""
    try:
        return from_json(kind, values)
    except ValueError as error:  # pydantic's is one
        detail = f"{url} answered what this client does not know. Check that both are of one version of speakerid."
        raise ClientError("unexpected_answer", detail) from error


def _is_full(response: httpx.Response) -> bool:
    """Or its store is busy. Nothing was done; of other failures of a store, a lost connection say, that is not sure.

    Tomorrow, when a key may send audio again, no one waits for.
    """
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return _code(response) == "store_busy"
    return response.status_code == httpx.codes.TOO_MANY_REQUESTS and _code(response) != "key_quota_reached"


def _code(response: httpx.Response) -> str | None:
    try:
        return str(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return None


def _answer(response: httpx.Response, call: Call) -> Any:
    if response.is_success or response.status_code in call.also_good:
        return _json(response) if response.content else None
    raise _problem(response)


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        detail = f"{_without_query(response)} did not answer with JSON. Check that a speakerid server runs there."
        raise ClientError("unexpected_answer", detail, response.status_code) from None


def _problem(response: httpx.Response) -> ClientError:
    """The server's problem document; something in between, such as a proxy, may answer in its place."""
    try:
        document = response.json()
        code, detail = str(document["code"]), str(document["detail"])
    except (ValueError, KeyError, TypeError):
        answered = f"{_without_query(response)} answered {response.status_code} {response.reason_phrase}."
        return ClientError(f"http_{response.status_code}", f"{answered} {_way_out(response)}", response.status_code)
    return problem_of(document | {"code": code, "detail": detail, "status": response.status_code})


def _way_out(response: httpx.Response) -> str:
    """What to do about an answer that is not the server's own."""
    if response.has_redirect_location:
        return f"Use the address that it leads to: {response.headers['location']}"
    return _PROXIES.get(response.status_code, "Check the address.")


def _without_query(response: httpx.Response) -> str:
    return str(response.url.copy_with(query=None))


def problem_of(document: dict[str, Any]) -> ClientError:
    """From a problem document of the server."""
    facts = {key: value for key, value in document.items() if key not in PROBLEM_MEMBERS}
    return ClientError(document["code"], document["detail"], document["status"], document.get("request_id"), facts)


def as_client_error(error: SpeakeridError, status: int) -> ClientError:
    """Of what this side finds out from the server's answer, as the server itself would say it."""
    return ClientError(error.code, str(error), status, facts=error.facts)


def _unreachable(url: str, error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"{url} did not answer in time ({type(error).__name__}). Try again, or allow more time."
    return f"{url} cannot be reached ({error}). Check the address and that the server runs."


def _retry_after_s(response: httpx.Response) -> float:
    try:
        asked_s = float(response.headers.get("Retry-After", RETRY_AFTER_DEFAULT_S))
    except ValueError:  # the header may also hold a date
        asked_s = RETRY_AFTER_DEFAULT_S
    return min(max(asked_s, 0.0), RETRY_AFTER_MAX_S)


def is_local(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
