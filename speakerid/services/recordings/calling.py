"""POST to a webhook: no proxy, no redirect, and by default no address of a private network.

The address is checked where it is connected to: a name that is checked first and looked up again could be another then.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore

from speakerid.services.recordings import webhook

TIMEOUT_S = 10.0


class PrivateAddress(Exception):
    """The name of a webhook leads into a private network."""


class _Network(httpcore.SyncBackend):
    def __init__(self, *, private: bool) -> None:
        self._private = private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return super().connect_tcp(self._address(host, port), port, timeout, local_address, socket_options)

    def _address(self, host: str, port: int) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        address = str(found[0][4][0])
        if not self._private and not webhook.public(ipaddress.ip_address(address.partition("%")[0])):
            raise PrivateAddress
        return address


def post(url: str, body: bytes, headers: Sequence[tuple[str, str]], *, private: bool) -> int:
    """The status of the answer. Raises PrivateAddress, and OSError when there is no answer."""
    limits = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_S)
    try:
        with (
            httpcore.ConnectionPool(network_backend=_Network(private=private)) as pool,
            pool.stream("POST", url, headers=headers, content=body, extensions={"timeout": limits}) as answer,
        ):
            return int(answer.status)  # its body is not read: nobody needs it, and it may have no end
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, UnicodeError) as error:
        raise OSError(type(error).__name__) from error
