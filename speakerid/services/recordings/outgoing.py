"""Requests to addresses that callers name, webhooks and recordings elsewhere: no proxy, no redirect, and by default no
address of a private network.

The address is checked where it is connected to: a name that is checked first and looked up again could be another then.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpcore

from speakerid.services.recordings.addresses import PrivateAddress, public

TIMEOUT_S = 10.0  # for all of it: an answer that comes a byte at a time keeps no other call waiting
SHORTEST_S = 0.1
MOST_ADDRESSES = 4  # of one name
PLAINLY = (("Accept-Encoding", "identity"), ("User-Agent", "speakerid"))


class _Bounded(httpcore.NetworkStream):
    """A connection that ends at `ends`, on `time.monotonic()`, or after `silence_s` without a byte."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float, silence_s: float) -> None:
        self._stream = stream
        self._ends = ends
        self._silence_s = silence_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._left_s())
        return _Bounded(secured, self._ends, self._silence_s)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _left_s(self) -> float:
        left_s = self._ends - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout
        return min(left_s, self._silence_s)


class _Network(httpcore.SyncBackend):
    def __init__(self, *, private: bool, seconds: float, silence_s: float) -> None:
        self._private = private
        self._seconds = seconds  # for all of it
        self._silence_s = silence_s

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        ends = time.monotonic() + self._seconds
        for address in self._addresses(host, port):
            left_s = min(max(ends - time.monotonic(), SHORTEST_S), self._silence_s)
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                made = super().connect_tcp(address, port, left_s, local_address, socket_options)
                return _Bounded(made, ends, self._silence_s)
        raise httpcore.ConnectError("no address answers")

    def _addresses(self, host: str, port: int) -> list[str]:
        """Those that may be called, never a name: it could lead elsewhere a moment later."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        addresses = [str(one[4][0]) for one in found]
        allowed = [one for one in addresses if self._private or public(ipaddress.ip_address(one.partition("%")[0]))]
        if not allowed:
            raise PrivateAddress
        return allowed[:MOST_ADDRESSES]


def post(url: str, body: bytes, headers: Sequence[tuple[str, str]], *, private: bool) -> int:
    """The status of the answer. Raises PrivateAddress, and OSError when there is no answer."""
    network = _Network(private=private, seconds=TIMEOUT_S, silence_s=TIMEOUT_S)
    with (
        _failures_as_os_errors(),
        httpcore.ConnectionPool(network_backend=network) as pool,
        pool.stream("POST", url, headers=headers, content=body) as answer,
    ):
        return int(answer.status)  # its body is not read: it is of no use, and may have no end


@dataclass(frozen=True)
class Fetched:
    """What a GET is answered, as it comes; names of `headers` in lower case."""

    status: int
    headers: dict[str, str]
    chunks: Iterator[bytes]


@contextmanager
def get(url: str, *, private: bool, seconds: float, silence_s: float) -> Iterator[Fetched]:
    """An answer within so many `seconds`, never silent for longer than `silence_s`.

    Raises PrivateAddress, and OSError when there is none, or its end does not come.
    """
    network = _Network(private=private, seconds=seconds, silence_s=silence_s)
    with (
        _failures_as_os_errors(),
        httpcore.ConnectionPool(network_backend=network) as pool,
        pool.stream("GET", url, headers=PLAINLY) as answer,
    ):
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        yield Fetched(int(answer.status), headers, answer.iter_stream())


@contextmanager
def _failures_as_os_errors() -> Iterator[None]:
    try:
        yield
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, UnicodeError) as error:
        raise OSError(type(error).__name__) from error
