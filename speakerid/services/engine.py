"""What the services work with: the store, the encoder, the audio path and the index, wired once by `bootstrap`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from speakerid.audio.long_audio_reader import LongAudioReader
from speakerid.audio.prepare import Preparer
from speakerid.db.engine import Database, Handle
from speakerid.db.erasure import FINISH, Effort
from speakerid.db.repositories import changes, erasures
from speakerid.diarization.clustering import ClusterOptions
from speakerid.encoders.base import label
from speakerid.encoders.batching import Batcher
from speakerid.scoring.calibration import Calibration
from speakerid.scoring.coach import UNFITTED, CoachLimits
from speakerid.services.index_sync import IndexSync

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Policy:
    """How scores become decisions."""

    prior: float = 0.5  # probability, before listening, that a probe is of the speaker it is compared with
    ambiguous_margin_llr: float = 1.0  # two speakers above the threshold and closer than this: ambiguous
    clusters: ClusterOptions = field(default_factory=ClusterOptions)  # which segments of a recording are one person


@dataclass(frozen=True)
class Engine:
    database: Database
    encoder: Batcher
    preparer: Preparer
    indexes: IndexSync
    calibration: Calibration  # the encoder's own, or a prior for any
    limits: CoachLimits = UNFITTED  # of the enrollment coach
    policy: Policy = Policy()
    long_audio: LongAudioReader = field(default_factory=LongAudioReader)
    effort: Effort = FINISH  # with erasures, whose traces are removed from the files before `write` returns

    @property
    def encoder_label(self) -> str:
        return label(self.encoder)

    def read(self) -> AbstractContextManager[Handle]:
        return self.database.read()

    @contextmanager
    def write(self, *, erase: bool = False) -> Iterator[Handle]:
        """One transaction: commit when the block ends well, then let the index follow.

        `erase` also removes what SQLite keeps of deleted rows in its files, as far as `effort` goes.
        """
        with self.database.write() as db:
            yield db
            if erase:
                erasures.note(db)
        try:
            self.indexes.apply(changes.touched(db))
            self.indexes.forget(changes.erased_galleries(db))
        finally:
            if erase:
                self.scrub()

    def scrub(self) -> None:
        """What pending erasures still need, as far as `effort` goes. What is left, the next start does."""
        if not self.database.scrub(self.effort) and self.effort is FINISH:
            logger.warning("others use the store, so traces of what was erased stay in its files until the next start")

    def erased(self, db: Handle) -> bool:
        """Whether nothing is left in the store's files of what `db`, a `write(erase=True)` that ended, erased."""
        erasure = erasures.noted(db)
        if erasure is None:
            return True
        with self.read() as now:
            return not erasures.is_pending(now, erasure)

    def close(self) -> None:
        self.encoder.close()
        self.database.close()
