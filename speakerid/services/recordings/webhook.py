"""Which webhooks are accepted, what they are told, and how it is signed (standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import re
from contextlib import suppress
from urllib.parse import quote, urlsplit

import idna

from speakerid.db.models import RecordingRow
from speakerid.errors import WebhookRefused
from speakerid.services.recordings.public_addresses import public

LENGTH = 2000
PREFIX = "whsec_"
HOST = re.compile(r"(?=.{1,254}$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", re.IGNORECASE)
KEPT = "%/:?#[]@!$&'()*+,;=~"  # of a URL that is written well already nothing changes


def checked(url: str, *, private: bool) -> str:
    """The same URL, in ASCII. A name is only looked up when it is called. Raises WebhookRefused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port == 0 or parts.scheme not in ("http", "https") or not url.isprintable():
        raise WebhookRefused("The webhook is no http or https URL. Send one such as https://example.org/hook.")
    if parts.username is not None or parts.password is not None:
        raise WebhookRefused("The webhook holds a user name or password. Put a secret into its path instead.")
    spelled = parts._replace(
        netloc=_ascii_host(host) + ("" if port is None else f":{port}"),
        path=quote(parts.path, KEPT),
        query=quote(parts.query, KEPT),
        fragment="",
    ).geturl()
    if len(spelled) > LENGTH:
        raise WebhookRefused(f"The webhook has {len(spelled)} characters in ASCII. Send one of at most {LENGTH}.")
    with suppress(ValueError):
        if not (private or public(ipaddress.ip_address(host))):
            raise WebhookRefused("The webhook is an address of a private network. Ask the operator to allow these.")
    return spelled


def _ascii_host(host: str) -> str:
    """As name servers know it: `xn--…` for letters beyond ASCII (IDNA). Raises WebhookRefused."""
    if ":" in host:
        return f"[{host}]"
    with suppress(idna.IDNAError):
        name = host if host.isascii() else idna.encode(host, uts46=True).decode()
        if HOST.fullmatch(name):
            return name
    raise WebhookRefused("The webhook's host name is none that can be looked up. Check how it is spelled.")


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
