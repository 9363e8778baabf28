"""Recordings from elsewhere: from which hosts, at which addresses, how much and for how long."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpcore
import pytest

from speakerid.audio.limits import cancelled_by
from speakerid.errors import ClientGone, FetchFailed, FetchRefused, FileTooLarge
from speakerid.services.recordings import fetch
from speakerid.services.recordings.fetch import Sources
from tests.services.recordings.media import Media, served

CONTENT = b"fLaC" + bytes(300_000)
LISTED = Sources(("media.example.org", "*.cdn.example.org", "store.example.org:9000"))


@pytest.fixture
def media() -> Iterator[Media]:
    with served(meeting=CONTENT) as made:
        yield made


def fetched(url: str, sources: Sources) -> bytes:
    chunks: list[bytes] = []
    fetch.fetch(fetch.checked(url, sources), sources, chunks.append)
    return b"".join(chunks)


def test_all_of_it_comes(media: Media) -> None:
    assert fetched(media.url(), media.sources) == CONTENT
    ((path, headers),) = media.asked
    assert path == "/meeting.flac"
    assert (headers["accept-encoding"], headers["user-agent"]) == ("identity", "speakerid")
    assert not {"authorization", "cookie", "referer"} & set(headers)


@pytest.mark.parametrize(
    "url",
    [
        "https://media.example.org/a.wav",
        "http://MEDIA.example.org:80/a.wav",
        "https://media.example.org.:443/a.wav",
        "https://eu.cdn.example.org/a.wav?X-Signature=1",
        "https://a.b.cdn.example.org/a.wav",
        "https://store.example.org:9000/a.wav",
    ],
)
def test_listed_hosts_are_allowed(url: str) -> None:
    assert fetch.checked(url, LISTED).startswith("http")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a.wav",
        "https://media.example.org.evil.example/a.wav",
        "https://evilmedia.example.org/a.wav",
        "https://cdn.example.org/a.wav",
        "https://evilcdn.example.org/a.wav",
        "https://media.example.org:22/a.wav",
        "https://store.example.org/a.wav",
        "https://evil.example/media.example.org",
        "https://media.example.org@evil.example/a.wav",
        "https://media.example.org\\@evil.example/a.wav",
        "https://evil.example#media.example.org",
        "https://media.example.org%2eevil.example/a.wav",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost:8700/v1/galleries",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/",
        "file:///etc/passwd",
        "ftp://media.example.org/a.wav",
        "gopher://media.example.org/",
        "//media.example.org/a.wav",
        "media.example.org/a.wav",
        "https://",
        "https://[media.example.org/a.wav",
        "https://media.example.org:99999/a.wav",
        "https://media.example.org/a\nHost: evil",
        "https://media.example.org/" + "a" * 2000,
        "",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(FetchRefused):
        fetch.checked(url, LISTED)


def test_nothing_is_fetched_where_nothing_is_listed() -> None:
    with pytest.raises(FetchRefused, match="This server fetches no recordings"):
        fetch.checked("https://media.example.org/a.wav", Sources())


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
def test_a_listed_address_of_a_private_network_is_refused(host: str) -> None:
    with pytest.raises(FetchRefused, match="private network"):
        fetch.checked(f"http://{host}/", Sources((host,)))


def test_a_listed_name_that_leads_into_a_private_network_is_refused(media: Media) -> None:
    """As one does that was public when it was checked: what is looked up is what is called."""
    sources = Sources((f"localhost:{media.port}",))
    with pytest.raises(FetchRefused, match="leads into a private network"):
        fetched(f"http://localhost:{media.port}/meeting.flac", sources)
    assert media.asked == []


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    dialed: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> Any:
        looks.append(host)
        address = "93.184.215.14" if len(looks) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect_tcp(_: Any, host: str, *given: Any) -> Any:
        dialed.append(host)
        raise httpcore.ConnectError("enough was seen")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_tcp)
    with pytest.raises(FetchFailed):
        fetched("http://media.example.org/a.wav", LISTED)
    assert (looks, dialed) == (["media.example.org"], ["93.184.215.14"])


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/redirect", "answered 302, and redirects are not followed"),
        ("/nothing.flac", "answered 404"),
        ("/compressed", "compressed it"),
        ("/short", "did not send all of it"),
        ("/crumbs", "a few bytes at a time"),
    ],
)
def test_what_goes_wrong_there_is_said(media: Media, path: str, sentence: str) -> None:
    with pytest.raises(FetchFailed, match=sentence):
        fetched(media.url(path), media.sources)
    assert len(media.asked) == 1


@pytest.mark.parametrize("limit", ["SECONDS", "SILENCE_S"])
def test_a_server_that_falls_silent_is_left(media: Media, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(fetch, limit, 0.3)
    with pytest.raises(FetchFailed, match="ReadTimeout"):
        fetched(media.url("/silent"), media.sources)


def test_what_has_no_end_ends_with_its_time(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "SECONDS", 0.3)
    with pytest.raises(FetchFailed, match="ReadTimeout"):
        fetched(media.url("/endless"), media.sources)


def test_what_is_announced_as_too_large_is_not_read(media: Media) -> None:
    with pytest.raises(FileTooLarge):
        fetched(media.url("/large"), replace(media.sources, max_bytes=1000))


def test_it_ends_when_the_caller_has_gone(media: Media) -> None:
    gone = threading.Event()
    gone.set()
    with cancelled_by(gone), pytest.raises(ClientGone):
        fetched(media.url("/endless"), media.sources)


@pytest.mark.parametrize(
    ("url", "name"),
    [("https://a.example/x/My%20meeting.m4a?y=1", "My meeting.m4a"), ("https://a.example/", ""), ("https://a.ex", "")],
)
def test_a_file_is_named_after_the_path(url: str, name: str) -> None:
    assert fetch.filename(url) == name
