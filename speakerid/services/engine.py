"""What the services work with: the store, the encoder, the ears and the index, wired once by `bootstrap`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from speakerid.audio.prepare import Preparer
from speakerid.audio.recorder import Recorder
from speakerid.db.engine import Database, Handle
from speakerid.db.repositories import changes
from speakerid.diarization.clustering import ClusterOptions
from speakerid.encoders.base import label
from speakerid.encoders.batching import Batcher
from speakerid.scoring.coach import UNFITTED, Limits
from speakerid.scoring.scorer import Scorer
from speakerid.services.index_sync import IndexSync


@dataclass(frozen=True)
class Policy:
    """How scores become decisions."""

    prior: float = 0.5  # probability, before listening, that a probe's voice is enrolled
    ambiguous_margin_llr: float = 1.0  # two speakers above the threshold and closer than this: ambiguous
    clusters: ClusterOptions = field(default_factory=ClusterOptions)  # which windows of a recording are one voice


@dataclass(frozen=True)
class Engine:
    database: Database
    encoder: Batcher
    preparer: Preparer
    indexes: IndexSync
    scorer: Scorer | None  # None where no calibration was fitted for the encoder
    limits: Limits = UNFITTED  # of the enrollment coach
    policy: Policy = Policy()
    recorder: Recorder = field(default_factory=Recorder)

    @property
    def encoder_label(self) -> str:
        return label(self.encoder)

    def read(self) -> AbstractContextManager[Handle]:
        return self.database.read()

    @contextmanager
    def write(self, *, erase: bool = False) -> Iterator[Handle]:
        """One transaction: commit when the block ends well, then let the index follow.

        `erase` also wipes what SQLite keeps of deleted rows in its log.
        """
        with self.database.write() as db:
            yield db
        try:
            self.indexes.apply(changes.touched(db))
            self.indexes.forget(changes.erased_galleries(db))
        finally:
            if erase:
                self.database.scrub()

    def close(self) -> None:
        self.encoder.close()
        self.database.close()
