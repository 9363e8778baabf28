"""Can this process serve? Looks at the store, the last inference and the index."""

from __future__ import annotations

from typing import Literal

from speakerid.errors import StoreUnavailable
from speakerid.services.engine import Engine
from speakerid.types import Readiness


def readiness(engine: Engine) -> Readiness:
    database, lag = _store(engine)
    encoder: Literal["ok", "failing"] = "ok" if engine.encoder.healthy() else "failing"
    return Readiness(
        ready=database == "ok" and encoder == "ok",
        database=database,
        encoder=encoder,
        last_inference_age_s=engine.encoder.last_success_age(),
        index_lag=lag,
    )


def _store(engine: Engine) -> tuple[Literal["ok", "unavailable"], int | None]:
    try:
        return "ok", engine.indexes.lag()
    except StoreUnavailable:
        return "unavailable", None
