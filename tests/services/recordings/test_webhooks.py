"""Webhooks: who may be called, what they hear, and how often it is tried."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import quote

import httpcore
import pytest
from sqlalchemy import update

from speakerid.db.models import RecordingRow
from speakerid.db.repositories import recordings
from speakerid.errors import WebhookRefused
from speakerid.services import galleries
from speakerid.services.engine import Engine
from speakerid.services.recordings import outgoing, save, webhooks
from speakerid.services.recordings.submit import Intake
from speakerid.services.recordings.webhooks import Notice
from tests.sampled import ADA, probe
from tests.services.recorded import send, work
from tests.waiting import PATIENCE_S, until

PRIVATE = Notice(private=True)
ALLOWED = Intake(private_webhooks=True)


def notify(engine: Engine, notice: Notice) -> None:
    """Call every webhook that is due, and wait for them."""
    sender = webhooks.Sender(engine, notice)
    try:
        while sender.turn():
            sender.wait()
    finally:
        sender.close()


@dataclass
class Receiver:
    """A server on loopback that notes what it is told."""

    statuses: list[int] = field(default_factory=list)  # of the next answers; then 204
    outcome: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=1"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    noted = Receiver()
    with _listening(noted):
        yield noted


@contextmanager
def _listening(noted: Receiver) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            noted.outcome.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(noted.statuses.pop(0) if noted.statuses else 204)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        noted.port = server.server_port
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield
        server.shutdown()
        serving.join()


def ended(engine: Engine, url: str) -> str:
    """The id of a recording that is done; its webhook is due."""
    made = send(engine, probe(ADA), webhook=url, intake=ALLOWED)
    work(engine)
    return made


def pass_time(engine: Engine, seconds: float) -> None:
    with engine.write() as db:
        due = RecordingRow.webhook_due.is_not(None)
        row = db.query(RecordingRow).filter(due).one_or_none()
        if row is not None and row.webhook_due is not None:
            row.webhook_due -= timedelta(seconds=seconds)


def test_it_is_called_once_with_ids_and_no_more(engine: Engine, receiver: Receiver) -> None:
    made = ended(engine, receiver.url)
    for _ in range(2):
        notify(engine, PRIVATE)
    ((path, headers, body),) = receiver.outcome
    shown = json.loads(body)
    assert path == "/hook?token=1"
    assert shown.pop("timestamp")
    assert shown == {
        "type": "recording.done",
        "data": {"id": made, "gallery": "default", "state": "done", "error": None},
    }
    assert (headers["webhook-id"], headers["content-type"]) == (made, "application/json")
    assert "webhook-signature" not in headers


@pytest.mark.parametrize("secret", ["a plain text", "whsec_" + base64.b64encode(b"key of bytes").decode()])
def test_it_is_signed(engine: Engine, receiver: Receiver, secret: str) -> None:
    ended(engine, receiver.url)
    notify(engine, Notice(secret, private=True))
    ((_, headers, body),) = receiver.outcome
    key = b"key of bytes" if secret.startswith("whsec_") else secret.encode()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_it_is_tried_again_later_and_not_for_ever(engine: Engine, receiver: Receiver) -> None:
    receiver.statuses = [500, 302, 404, 500, 500, 500]
    ended(engine, receiver.url)
    notify(engine, PRIVATE)
    notify(engine, PRIVATE)
    assert len(receiver.outcome) == 1  # not before its time
    for again_s in (*webhooks.AGAIN_S, 1e6, 1e6):
        pass_time(engine, again_s)
        notify(engine, PRIVATE)
    assert len(receiver.outcome) == 1 + len(webhooks.AGAIN_S)
    assert {path for path, _, _ in receiver.outcome} == {"/hook?token=1"}  # the redirect was not followed


def test_it_gets_through_at_last(engine: Engine, receiver: Receiver) -> None:
    receiver.statuses = [503]
    ended(engine, receiver.url)
    for _ in range(4):
        notify(engine, PRIVATE)
        pass_time(engine, 1e6)
    assert len(receiver.outcome) == 2


def test_a_cancelled_job_calls_too(engine: Engine, receiver: Receiver) -> None:
    made = send(engine, probe(ADA), webhook=receiver.url, intake=ALLOWED)
    save.cancel(engine, galleries.get(engine, "default"), made)
    notify(engine, PRIVATE)
    assert json.loads(receiver.outcome[0][2])["type"] == "recording.cancelled"


def test_an_answer_that_never_ends_is_not_waited_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outgoing, "TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as trickling:
        shown = threading.Thread(target=_trickle, args=(trickling,))
        shown.start()
        ended(engine, f"http://127.0.0.1:{trickling.getsockname()[1]}/")
        notify(engine, PRIVATE)
        shown.join()
    assert "did not answer: ReadTimeout" in caplog.text


def _trickle(server: socket.socket) -> None:
    """Headers without end, until the other side is gone."""
    connection, _ = server.accept()
    with connection, suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)


def test_no_one_there_is_no_failure(engine: Engine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        ended(engine, f"http://127.0.0.1:{taken.getsockname()[1]}/")
        notify(engine, PRIVATE)
    with engine.write() as db:
        db.execute(update(RecordingRow).values(webhook="https://no.such.host.invalid/", webhook_tries=0))
        db.execute(update(RecordingRow).values(webhook_due=recordings.clock(db)))
    notify(engine, PRIVATE)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0"])
def test_a_private_address_is_not_called(
    engine: Engine, receiver: Receiver, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    ended(engine, f"http://{host}:{receiver.port}/")
    notify(engine, Notice())
    assert receiver.outcome == []
    assert "private network" in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "example.org/hook",
        "http://",
        "http://a b/\n",
        "http://example.org:99999/",
        "http://[::1/",
        "https://user:secret@example.org/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "https://example.org/" + "x" * 2000,
        "https://example..org/",
        "https://exa mple.org/",
        "https://" + "x" * 64 + ".org/",
        "https://\N{GRINNING FACE}.example/",
    ],
)
def test_what_is_refused_at_once(url: str) -> None:
    with pytest.raises(WebhookRefused):
        webhooks.checked(url, private=False)


def test_what_is_accepted() -> None:
    for url in ("https://example.org/hook?x=1", "http://example.org:8080"):
        assert webhooks.checked(url, private=False) == url
    assert webhooks.checked("http://127.0.0.1:1/", private=True)


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://例え.example:8443/", "https://xn--r8jz45g.example:8443/"),
        ("https://example.org/häken?wer=jürgen", "https://example.org/h%C3%A4ken?wer=j%C3%BCrgen"),
        ("https://example.org/a b/%20", "https://example.org/a%20b/%20"),
        ("https://example.org/hook#part", "https://example.org/hook"),
    ],
)
def test_letters_beyond_ascii_are_spelled_as_the_network_knows_them(url: str, spelled: str) -> None:
    assert webhooks.checked(url, private=False) == spelled


@pytest.mark.parametrize("path", ["/häken", "/😀?x=ü"])
def test_a_stored_url_beyond_ascii_is_called_all_the_same(engine: Engine, receiver: Receiver, path: str) -> None:
    ended(engine, receiver.url)
    with engine.write() as db:
        db.execute(update(RecordingRow).values(webhook=f"http://127.0.0.1:{receiver.port}{path}"))
    notify(engine, PRIVATE)
    ((called, _, _),) = receiver.outcome
    assert called == quote(path, "/?=")


def test_one_that_fails_in_a_new_way_keeps_no_one_waiting(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = outgoing.post

    def post(url: str, *given: Any, **named: Any) -> int:
        if "bad" in url:
            raise RuntimeError("nobody thought of this")
        return real(url, *given, **named)

    monkeypatch.setattr(outgoing, "post", post)
    bad = ended(engine, receiver.url + "&bad=1")
    ended(engine, receiver.url)
    notify(engine, PRIVATE)
    assert len(receiver.outcome) == 1
    assert f"the webhook of recording {bad} could not be called" in caplog.text


def test_slow_ones_are_called_beside_the_others(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one host that never answers only a few are called at a time; the honest one does not wait for them."""
    monkeypatch.setattr(outgoing, "TIMEOUT_S", 10 * PATIENCE_S)
    monkeypatch.setattr(webhooks, "AGAIN_S", (10 * PATIENCE_S,))
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        slow = f"http://localhost:{silent.getsockname()[1]}/"
        for number in range(webhooks.OF_ONE_HOST + 2):
            ended(engine, f"{slow}{number}")
        ended(engine, receiver.url)
        sender = webhooks.Sender(engine, PRIVATE)
        assert sender.turn()
        until(lambda: bool(receiver.outcome))
        assert not sender.turn()  # the host's places are taken
    sender.close()
    with engine.read() as db:
        assert len(recordings.to_notify(db)) == 2


def test_the_address_that_was_checked_is_the_one_that_is_called(
    engine: Engine, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public at the first look and private at the second is looked up once."""
    looks: list[str] = []
    dialed: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> Any:
        looks.append(host)
        addresses = ["127.0.0.1", "93.184.215.14"] if len(looks) == 1 else ["127.0.0.1"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

    def connect_tcp(_: Any, host: str, *given: Any) -> Any:
        dialed.append(host)
        raise httpcore.ConnectError("enough was seen")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_tcp)
    with pytest.raises(OSError, match="ConnectError"):
        outgoing.post(f"http://rebinding.example:{receiver.port}/", b"{}", [], private=False)
    assert (looks, dialed) == (["rebinding.example"], ["93.184.215.14"])
