"""Take a recording in from another server, by its URL: from hosts that the operator listed, and from no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from speakerid.audio.limits import check_not_cancelled
from speakerid.errors import FetchFailed, FetchRefused, FileTooLarge
from speakerid.services.recordings import outgoing, urls
from speakerid.services.recordings.addresses import PrivateAddress

SECONDS = 300.0  # for all of it
SILENCE_S = 15.0
FREE_CHUNKS, CHUNK_BYTES = (
    1_000,
    64,
)  # each costs some 50 µs, however small it is: beyond the free ones, 64 bytes buy one
USUAL_PORTS = (None, 80, 443)
WHAT = "The recording's URL"


@dataclass(frozen=True)
class Sources:
    """Where recordings may be fetched from: `hosts` as names, `*.` in front for all below one, `:port` behind for
    other ports than the usual."""

    hosts: tuple[str, ...] = ()
    private: bool = False  # whether they may have addresses of private networks
    max_bytes: int = 2 * 1024**3

    def allow(self, host: str, port: int | None) -> bool:
        return any(_is_meant(one, host.rstrip(".").lower(), port) for one in self.hosts)


def _is_meant(listed: str, host: str, port: int | None) -> bool:
    name, _, number = listed.partition(":")
    fits = host.endswith(name[1:]) if name.startswith("*.") else host == name
    return fits and (port == int(number) if number else port in USUAL_PORTS)


def checked(url: str, sources: Sources) -> str:
    """The same URL, in ASCII. Raises FetchRefused."""
    if not sources.hosts:
        raise FetchRefused(
            "This server fetches no recordings. Send the bytes themselves, or ask the operator to list the host in "
            "SPEAKERID_FETCH_HOSTS."
        )
    spelled = urls.checked(url, WHAT, FetchRefused, private=sources.private)
    parts = urlsplit(spelled)
    if not sources.allow(parts.hostname or "", parts.port):
        raise FetchRefused(
            f"{WHAT} leads to a host or port that this server does not fetch from. Send the bytes themselves, or ask "
            "the operator to list it in SPEAKERID_FETCH_HOSTS."
        )
    return spelled


def filename(url: str) -> str:
    """The last part of its path, which may be empty."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def fetch(url: str, sources: Sources, take: Callable[[bytes], None]) -> None:
    """Give `take` the bytes behind a URL that was `checked`, as they come.

    Raises FetchFailed, FetchRefused, FileTooLarge, ClientGone, and what `take` raises.
    """
    try:
        with outgoing.get(url, private=sources.private, seconds=SECONDS, silence_s=SILENCE_S) as answer:
            _check(answer, sources)
            for chunk in _not_in_crumbs(answer.chunks):
                check_not_cancelled()
                take(chunk)
    except PrivateAddress as error:
        raise FetchRefused(f"{WHAT} leads into a private network. Ask the operator to allow these.") from error
    except OSError as error:
        raise FetchFailed(f"its server did not send all of it ({error})") from error


def _not_in_crumbs(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Raises FetchFailed."""
    size = 0
    for nth, chunk in enumerate(chunks):
        size += len(chunk)
        if nth > FREE_CHUNKS + size // CHUNK_BYTES:
            raise FetchFailed("its server sends it a few bytes at a time")
        yield chunk


def _check(answer: outgoing.Fetched, sources: Sources) -> None:
    """Raises FetchFailed, FileTooLarge."""
    if 300 <= answer.status < 400:
        raise FetchFailed(f"its server answered {answer.status}, and redirects are not followed")
    if answer.status != 200:
        raise FetchFailed(f"its server answered {answer.status}")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchFailed("its server compressed it, though it was asked not to")
    length = answer.headers.get("content-length", "")
    if length.isascii() and length.isdecimal() and int(length[:20]) > sources.max_bytes:
        raise FileTooLarge(sources.max_bytes)
