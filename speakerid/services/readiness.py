"""Can this process serve? Looks at the store, the last inference and the index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from speakerid.db.repositories import erasures, speakers
from speakerid.errors import StoreError
from speakerid.services.engine import Engine
from speakerid.types import Readiness

SHOWN = 100  # ids of damaged rows


@dataclass(frozen=True)
class _Store:
    state: Literal["ok", "read_only", "unavailable"]
    reason: str | None = None
    lag: int | None = None
    pending: int | None = None
    damaged: int = 0
    ids: tuple[str, ...] = ()


def readiness(engine: Engine) -> Readiness:
    store, healthy = _store(engine), engine.encoder.healthy()
    return Readiness(
        ready=store.state == "ok" and healthy,
        database=store.state,
        encoder="ok" if healthy else "failing",
        last_inference_age_s=engine.encoder.last_success_age(),
        index_lag=store.lag,
        erasures_pending=store.pending,
        quarantined=store.damaged,
        quarantined_speakers=store.ids,
        reason=store.reason if healthy else store.reason or "The encoder failed at the last inference.",
    )


def _store(engine: Engine) -> _Store:
    try:
        lag, damaged = engine.indexes.lag(), engine.indexes.damaged()
        with engine.read() as db:
            pending, ids = erasures.pending(db), tuple(speakers.ids(db, damaged[:SHOWN]))
    except StoreError:
        return _Store("unavailable", "The store cannot be read. The server's log has the cause.")
    why = engine.database.unwritable()
    return _Store("ok" if why is None else "read_only", why, lag, pending, len(damaged), ids)
