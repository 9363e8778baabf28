"""URLs that callers name: checked, and written in ASCII. A host is only looked up when it is called."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from urllib.parse import quote, urlsplit

import idna

from speakerid.errors import InvalidRequest
from speakerid.services.recordings.addresses import public

LENGTH = 2000
HOST = re.compile(r"(?=.{1,254}$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?", re.IGNORECASE)
KEPT = "%/:?#[]@!$&'()*+,;=~"  # of a URL that is written well already nothing changes


def checked(url: str, what: str, refused: type[InvalidRequest], *, private: bool) -> str:
    """The same URL, in ASCII. Raises `refused`, in sentences about `what`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port == 0 or parts.scheme not in ("http", "https") or not url.isprintable():
        raise refused(f"{what} is no http or https URL. Send one such as https://example.org/path.")
    if parts.username is not None or parts.password is not None:
        raise refused(f"{what} holds a user name or password. Put a secret into its path instead.")
    spelled = parts._replace(
        netloc=_ascii_host(host, what, refused) + ("" if port is None else f":{port}"),
        path=quote(parts.path, KEPT),
        query=quote(parts.query, KEPT),
        fragment="",
    ).geturl()
    if len(spelled) > LENGTH:
        raise refused(f"{what} has {len(spelled)} characters in ASCII. Send one of at most {LENGTH}.")
    with suppress(ValueError):
        if not (private or public(ipaddress.ip_address(host))):
            raise refused(f"{what} is an address of a private network. Ask the operator to allow these.")
    return spelled


def _ascii_host(host: str, what: str, refused: type[InvalidRequest]) -> str:
    """As name servers know it: `xn--…` for letters beyond ASCII (IDNA). Raises `refused`."""
    if ":" in host:
        return f"[{host}]"
    with suppress(idna.IDNAError):
        name = host if host.isascii() else idna.encode(host, uts46=True).decode()
        if HOST.fullmatch(name):
            return name
    raise refused(f"{what} has a host name that cannot be looked up. Check how it is spelled.")
