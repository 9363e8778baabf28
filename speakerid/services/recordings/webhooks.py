"""Webhooks of recordings: which are accepted, how they are signed (standardwebhooks.com), and when they are called."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import logging
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from speakerid.db.models import RecordingRow
from speakerid.db.repositories import galleries, recordings
from speakerid.errors import WebhookRefused
from speakerid.services.engine import Engine
from speakerid.services.recordings import urls
from speakerid.services.recordings.addresses import PrivateAddress

logger = logging.getLogger(__name__)

AGAIN_S = (10.0, 60.0, 600.0, 3600.0)  # after the first try, the second, …
AT_ONCE = 16  # calls; each takes at most `outgoing.TIMEOUT_S`
OF_ONE_KEY = 8  # of these: slow receivers of one caller leave places for the others
OF_ONE_HOST = 4
PREFIX = "whsec_"


@dataclass(frozen=True)
class Notice:
    """How webhooks are called."""

    secret: str | None = None
    private: bool = False  # whether addresses of private networks may be called


@dataclass(frozen=True)
class _Call:
    key_id: str | None
    host: str | None
    done: Future[None]


class Sender:
    """Close it."""

    def __init__(self, engine: Engine, notice: Notice) -> None:
        self._engine = engine
        self._notice = notice
        self._pool = ThreadPoolExecutor(AT_ONCE, "webhook")
        self._calls: list[_Call] = []

    def turn(self) -> bool:
        """Begin to call what is due, as far as there are places. Whether there was anything."""
        self._calls = [one for one in self._calls if not one.done.done()]
        if len(self._calls) >= AT_ONCE:
            return False
        with self._engine.read() as db:
            due = recordings.to_notify(db)
        return sum(self._begun(row) for row in due) > 0

    def wait(self) -> None:
        """Until nothing is under way."""
        wait([one.done for one in self._calls])

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _begun(self, row: RecordingRow) -> bool:
        host = _host(row.webhook)
        if not self._has_place(row.key_id, host):
            return False
        again_s = AGAIN_S[row.webhook_tries] if row.webhook_tries < len(AGAIN_S) else None
        with self._engine.write() as db:
            mine = recordings.take_webhook(db, row, again_s)
        if mine:
            self._calls.append(_Call(row.key_id, host, self._pool.submit(self._call, row)))
        return mine

    def _has_place(self, key_id: str | None, host: str | None) -> bool:
        keys, hosts = Counter(one.key_id for one in self._calls), Counter(one.host for one in self._calls)
        return len(self._calls) < AT_ONCE and keys[key_id] < OF_ONE_KEY and hosts[host] < OF_ONE_HOST

    def _call(self, row: RecordingRow) -> None:
        """In a thread. Whatever goes wrong here is logged and keeps no other webhook from being called."""
        try:
            if _delivered(self._engine, self._notice, row):
                with self._engine.write() as db:
                    recordings.notified(db, row.key)
        except Exception as error:
            logger.error("the webhook of recording %s could not be called", row.id, exc_info=error)


def _delivered(engine: Engine, notice: Notice, row: RecordingRow) -> bool:
    """True also when another try would be in vain."""
    from speakerid.services.recordings import outgoing  # httpcore: 0.1 s, which no command of a local store needs

    with engine.read() as db:
        gallery = galleries.by_key(db, row.gallery_key)
    if gallery is None or row.webhook is None:
        return True
    content = body(row, gallery.name)
    signed = headers(row, content, notice.secret, int(time.time()))
    try:
        url = checked(row.webhook, private=notice.private)
        status = outgoing.post(url, content, list(signed.items()), private=notice.private)
    except WebhookRefused as error:
        logger.warning("the webhook of recording %s was not called: %s", row.id, error)
        return True
    except PrivateAddress:
        logger.warning("the webhook of recording %s leads into a private network and was not called", row.id)
        return True
    except OSError as error:
        logger.warning("the webhook of recording %s did not answer: %s", row.id, error)
        return False
    if not 200 <= status < 300:
        logger.warning("the webhook of recording %s answered %d", row.id, status)
    return 200 <= status < 300


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url or "").hostname
    except ValueError:
        return None


def checked(url: str, *, private: bool) -> str:
    """The same URL, in ASCII. Raises WebhookRefused."""
    return urls.checked(url, "The webhook", WebhookRefused, private=private)


def body(row: RecordingRow, gallery: str) -> bytes:
    """Ids, state and times: no name and no embedding."""
    assert row.finished_at is not None
    values = {
        "type": f"recording.{row.state}",
        "timestamp": row.finished_at.isoformat(),
        "data": {"id": row.id, "gallery": gallery, "state": row.state, "error": row.error_code},
    }
    return json.dumps(values).encode()


def headers(row: RecordingRow, body: bytes, secret: str | None, at_s: int) -> dict[str, str]:
    """`webhook-id` is the same for every try, so that a receiver can recognize a repetition."""
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
