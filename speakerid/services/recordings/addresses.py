"""Which addresses are of the internet, where callers name one to be called: an allow rule, because a list of bad ones
is never whole.

Global unicast addresses that IANA has reserved for no special purpose are public; of IPv6 only 2000::/3 is given out at
all. What is listed are the blocks inside the allowed space that IANA's special-purpose registries (RFC 6890) and RFC
5771 take out of it.
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 seen through a translator: the only way out of some networks
SPECIAL_IPV4 = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's translator
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and where clouds give out their secrets
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # relays to 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
SPECIAL_IPV6 = tuple(
    ipaddress.ip_network(block)
    for block in (
        "2001::/23",  # protocol assignments, with Teredo and ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address, private ones too
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


class PrivateAddress(Exception):
    """A name leads into a private network."""


def public(address: Address) -> bool:
    """Whether it is an address of the internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in block for block in SPECIAL_IPV4)
    if address in NAT64:
        return public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return address.is_global and address in GLOBAL_UNICAST and not any(address in block for block in SPECIAL_IPV6)
