"""Call the webhooks of recordings that ended: a few tries, by whichever worker takes them first."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from speakerid.db.models import RecordingRow
from speakerid.db.repositories import galleries, recordings
from speakerid.services.engine import Engine
from speakerid.services.recordings import calling, webhook

logger = logging.getLogger(__name__)

AGAIN_S = (10.0, 60.0, 600.0, 3600.0)  # after the first try, the second, …


@dataclass(frozen=True)
class Notice:
    """How webhooks are called."""

    secret: str | None = None
    private: bool = False  # whether addresses of private networks may be called


def notify(engine: Engine, notice: Notice) -> None:
    """Call every webhook that is due, one after another."""
    with engine.read() as db:
        due = recordings.to_notify(db)
    for row in due:
        again_s = AGAIN_S[row.webhook_tries] if row.webhook_tries < len(AGAIN_S) else None
        with engine.write() as db:
            mine = recordings.take_webhook(db, row, again_s)
        if mine and _delivered(engine, notice, row):
            with engine.write() as db:
                recordings.notified(db, row.key)


def _delivered(engine: Engine, notice: Notice, row: RecordingRow) -> bool:
    """True also when another try would be in vain."""
    with engine.read() as db:
        gallery = galleries.by_key(db, row.gallery_key)
    if gallery is None or row.webhook is None:
        return True
    body = webhook.body(row, gallery.name)
    headers = webhook.headers(row, body, notice.secret, int(time.time()))
    try:
        status = calling.post(row.webhook, body, list(headers.items()), private=notice.private)
    except calling.PrivateAddress:
        logger.warning("the webhook of recording %s leads into a private network and was not called", row.id)
        return True
    except OSError as error:
        logger.warning("the webhook of recording %s did not answer: %s", row.id, error)
        return False
    if not 200 <= status < 300:
        logger.warning("the webhook of recording %s answered %d", row.id, status)
    return 200 <= status < 300
