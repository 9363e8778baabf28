"""A lease outlasts a store that does not answer for a moment."""

from __future__ import annotations

import threading

import pytest

from speakerid.db.repositories import recordings
from speakerid.errors import Overloaded, SpeakeridError, StoreUnavailable
from speakerid.services.engine import Engine
from speakerid.services.recordings.lease import Lease
from speakerid.services.recordings.save import Claimed
from tests.services.recorded import claim, send


@pytest.mark.parametrize("store_kind", ["sqlite"])
@pytest.mark.parametrize("error", [Overloaded(), StoreUnavailable("away")])
def test_a_renewal_that_fails_is_tried_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, error: SpeakeridError
) -> None:
    send(engine)
    row = claim(engine)
    tries, renewed, real = [error], threading.Event(), recordings.renew

    def renew(*arguments: object) -> bool:
        if tries:
            raise tries.pop()
        renewed.set()
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("speakerid.services.recordings.lease.RENEW_S", 0.01)
    monkeypatch.setattr(recordings, "renew", renew)
    with Lease(engine, Claimed(row.key, row.gallery_key, row.worker or ""), threading.Event()) as lease:
        assert renewed.wait(10.0)
        lease.watch(0.5, 1.0)
