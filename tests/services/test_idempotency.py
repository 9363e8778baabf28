"""Answers kept for an Idempotency-Key: for a day, and for one request only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from speakerid.db.models import RepeatRow
from speakerid.db.types import now
from speakerid.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from speakerid.services import idempotency
from speakerid.services.engine import Engine
from speakerid.services.idempotency import Repeat

ASKED = Repeat.of("caller", "/path", "key", b"body")


def keep(engine: Engine, repeat: Repeat = ASKED) -> None:
    with engine.write() as db:
        idempotency.keep(db, repeat, 201, {"etag": '"v1"'}, "default")


@pytest.mark.parametrize(
    "other",
    [
        Repeat.of("somebody", "/path", "key", b"body"),
        Repeat.of("caller", "/elsewhere", "key", b"body"),
        Repeat.of("caller", "/path", "another", b"body"),
    ],
)
def test_caller_path_and_key_distinguish_requests(engine: Engine, other: Repeat) -> None:
    keep(engine)
    with engine.read() as db:
        assert idempotency.earlier(db, other) is None
        found = idempotency.earlier(db, ASKED)
    assert found is not None
    assert (found.status, found.answer) == (201, {"etag": '"v1"'})


def test_another_body_under_the_same_key_is_refused(engine: Engine) -> None:
    keep(engine)
    with engine.read() as db, pytest.raises(IdempotencyKeyReused):
        idempotency.earlier(db, Repeat.of("caller", "/path", "key", b"another body"))


def test_whoever_comes_second_gets_an_error(engine: Engine) -> None:
    keep(engine)
    with pytest.raises(IdempotencyKeyInUse):
        keep(engine)


def test_after_a_day_the_answer_is_forgotten(engine: Engine) -> None:
    keep(engine)
    keep(engine, Repeat.of("caller", "/path", "another", b"body"))
    with engine.write() as db:
        db.execute(update(RepeatRow).values(created_at=now() - timedelta(hours=25)))
    with engine.read() as db:
        assert idempotency.earlier(db, ASKED) is None
    keep(engine)
    with engine.read() as db:
        assert db.scalar(select(func.count()).select_from(RepeatRow)) == 1


def test_neither_key_nor_body_is_kept_as_text(engine: Engine) -> None:
    keep(engine)
    with engine.read() as db:
        row = db.scalars(select(RepeatRow)).one()
    assert {len(row.id), len(row.request_sha256)} == {64}
