"""An engine with a second encoder beside the fake one, whose embeddings have the same length and cannot be compared."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

from sqlalchemy import func, select, update

from speakerid.db.models import ReembeddedRow, ReembeddingRow, UtteranceRow
from speakerid.db.repositories import recordings
from speakerid.encoders.batching import Batcher
from speakerid.encoders.fake import FakeEncoder
from speakerid.index.faiss import FaissFlatIndex
from speakerid.scoring.calibration import generic
from speakerid.services.engine import Engine
from speakerid.services.index_sync import IndexSync
from speakerid.services.reembedding import work
from speakerid.services.reembedding.work import Watch, unwatched
from speakerid.types import FloatArray

OTHER = "reversed"


@dataclass(frozen=True)
class ReversedEncoder(FakeEncoder):
    name: str = OTHER

    @cached_property
    def fingerprint(self) -> str:
        return "e" * 64

    def embed(self, waveforms: Sequence[FloatArray]) -> FloatArray:
        return super().embed(waveforms)[:, ::-1].copy()


def beside(engine: Engine, name: str = OTHER, dim: int = FakeEncoder.dim) -> Engine:
    """The same engine, that has the other encoder, too."""
    encoder = ReversedEncoder(dim, name=name)
    other = replace(
        engine,
        encoder=Batcher(encoder, max_queue=64),
        indexes=IndexSync(engine.database, FaissFlatIndex, encoder),
        calibration=generic(encoder.fingerprint),
    )
    return replace(engine, others=(other,))


def claim(engine: Engine, worker: str = "wrk_test") -> ReembeddingRow:
    row = work.claim(engine, worker)
    assert row is not None
    return row


def move(engine: Engine, watch: Watch = unwatched) -> None:
    """The gallery whose job is the oldest, to its end."""
    work.run(engine, claim(engine), threading.Event(), watch)


def let_lease_run_out(engine: Engine) -> None:
    with engine.write() as db:
        db.execute(update(ReembeddingRow).values(lease_until=recordings.clock(db) - timedelta(seconds=1)))


def made(engine: Engine) -> int:
    """Embeddings that wait to be put in place."""
    with engine.read() as db:
        return db.scalar(select(func.count()).select_from(ReembeddedRow)) or 0


def embeddings(engine: Engine) -> list[tuple[str, list[float]]]:
    """With the name of the encoder, oldest first."""
    with engine.read() as db:
        rows = db.scalars(select(UtteranceRow).order_by(UtteranceRow.key))
        return [(row.encoder_name, row.embedding.tolist()) for row in rows]
