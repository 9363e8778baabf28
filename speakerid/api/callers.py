"""Who is asking, for whatever is counted: a key, or the network that a connection comes from."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from starlette.requests import HTTPConnection

from speakerid.types import Key

NOWHERE = "nowhere"  # a test, a socket that is a file


@lru_cache(maxsize=4096)
def network(host: str) -> str:
    """An IPv4 address, or the 64 bits of an IPv6 one that name a network: whoever has one has 2**64 addresses."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return NOWHERE
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


def network_of(connection: HTTPConnection) -> str:
    return network(connection.client.host) if connection.client else NOWHERE


def caller(connection: HTTPConnection, key: Key | None) -> str:
    """Whose share counts: the key's, where there is one."""
    return network_of(connection) if key is None else key.id
