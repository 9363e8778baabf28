"""Which webhooks are accepted, what they are told, and how it is signed (standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
from contextlib import suppress
from urllib.parse import urlsplit

from speakerid.db.models import RecordingRow
from speakerid.errors import WebhookRefused

LENGTH = 2000
PREFIX = "whsec_"
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 addresses behind a translator, RFC 6052

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def checked(url: str, *, private: bool) -> str:
    """The same URL. A name is only looked up when it is called. Raises WebhookRefused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port == 0 or parts.scheme not in ("http", "https") or len(url) > LENGTH or not url.isprintable():
        raise WebhookRefused("The webhook is no http or https URL. Send one such as https://example.org/hook.")
    if parts.username is not None or parts.password is not None:
        raise WebhookRefused("The webhook holds a user name or password. Put a secret into its path instead.")
    with suppress(ValueError):
        if not (private or public(ipaddress.ip_address(host))):
            raise WebhookRefused("The webhook is an address of a private network. Ask the operator to allow these.")
    return url


def public(address: Address) -> bool:
    """Whether it is an address on the internet, seen through what may wrap an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return public(inner)
    return address.is_global and not address.is_multicast


def body(row: RecordingRow, gallery: str) -> bytes:
    """Ids, state and times: no name and no voice."""
    assert row.finished_at is not None
    told = {
        "type": f"recording.{row.state}",
        "timestamp": row.finished_at.isoformat(),
        "data": {"id": row.id, "gallery": gallery, "state": row.state, "error": row.error_code},
    }
    return json.dumps(told).encode()


def headers(row: RecordingRow, body: bytes, secret: str | None, at_s: int) -> dict[str, str]:
    """`webhook-id` is the same for every try, so that a receiver can tell a repetition."""
    found = {"Content-Type": "application/json", "webhook-id": row.id, "webhook-timestamp": str(at_s)}
    if secret is not None:
        mac = hmac.new(_key(secret), f"{row.id}.{at_s}.".encode() + body, hashlib.sha256).digest()
        found["webhook-signature"] = f"v1,{base64.b64encode(mac).decode()}"
    return found


def _key(secret: str) -> bytes:
    """What follows `whsec_` is base64; any other secret is taken as it is."""
    if secret.startswith(PREFIX):
        with suppress(binascii.Error):
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    return secret.encode()
