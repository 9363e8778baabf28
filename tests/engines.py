"""Engines for tests: everything real but the encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from speakerid.audio.decode import CleanSpeech, OnLost, Preparer, unasked
from speakerid.audio.limits import Channel
from speakerid.audio.samples import Samples
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_fitted
from speakerid.classification.classifier import ClassifierFolder
from speakerid.db.cipher import MasterKey
from speakerid.db.engine import open_database
from speakerid.db.unlock import unlock
from speakerid.encoders.base import Encoder
from speakerid.encoders.batching import Batcher
from speakerid.encoders.fake import FakeEncoder
from speakerid.index.base import VectorIndex
from speakerid.index.faiss import LayeredIndex
from speakerid.scoring.calibration import generic
from speakerid.scoring.fitted import Fitted
from speakerid.services.engine import Engine
from speakerid.services.galleries import ensure_default
from speakerid.services.index_sync import IndexSync
from speakerid.services.snapshots import Snapshots
from speakerid.types import FloatArray

NO_CLASSIFIERS = ClassifierFolder()


class RememberingPreparer(Preparer):
    """Decodes and cleans each file once, because that takes 80 ms and tests use the same files."""

    def __init__(self) -> None:
        super().__init__(SileroVad())
        self._decoded: dict[bytes, tuple[FloatArray, list[float]]] = {}
        self._cleaned: dict[int, CleanSpeech] = {}  # by the identity of what was decoded

    def decode(self, audio: bytes | Samples, *, channel: Channel = "mix", lost: OnLost = unasked) -> FloatArray:
        if not isinstance(audio, bytes) or channel != "mix":
            return super().decode(audio, channel=channel, lost=lost)
        if audio not in self._decoded:
            losses: list[float] = []
            self._decoded[audio] = super().decode(audio, lost=losses.append), losses
        samples, losses = self._decoded[audio]
        for one in losses:
            lost(one)
        return samples

    def clean(self, samples: FloatArray, lost_s: float = 0.0) -> CleanSpeech:
        if not any(samples is one for one, _ in self._decoded.values()):
            return super().clean(samples, lost_s)
        if id(samples) not in self._cleaned:
            self._cleaned[id(samples)] = super().clean(samples, lost_s)
        return self._cleaned[id(samples)]


class EngineMaker(Protocol):
    """`make_engine` without its preparer."""

    def __call__(
        self,
        store: str,
        *,
        encoder: Encoder | None = None,
        max_queue: int = 64,
        calibrated: bool = True,
        new_index: Callable[[int], VectorIndex] = LayeredIndex,
        snapshots: Snapshots | None = None,
        classifiers: ClassifierFolder = NO_CLASSIFIERS,
        master: MasterKey | None = None,
    ) -> Engine: ...


def make_engine(
    store: str,
    preparer: Preparer,
    *,
    encoder: Encoder | None = None,
    max_queue: int = 64,
    calibrated: bool = True,
    new_index: Callable[[int], VectorIndex] = LayeredIndex,
    snapshots: Snapshots | None = None,
    classifiers: ClassifierFolder = NO_CLASSIFIERS,
    master: MasterKey | None = None,
) -> Engine:
    """Over a store at the newest schema, encrypted with a `master` key. `encoder` is the fake one unless given."""
    database = open_database(store)
    unlock(database, master)
    encoder = encoder or FakeEncoder()
    fitted = load_fitted(encoder) if calibrated else Fitted(generic(encoder.fingerprint))
    batcher = Batcher(encoder, max_queue=max_queue)
    engine = Engine(
        database=database,
        encoder=batcher,
        preparer=preparer,
        indexes=IndexSync(database, new_index, batcher, snapshots),
        calibration=fitted.calibration,
        limits=fitted.limits,
        classifiers=classifiers,
    )
    ensure_default(engine)
    return engine


def in_memory(engine: Engine) -> IndexSync:
    """The indexes of an engine that has them in memory, as all have but those on pgvector."""
    assert isinstance(engine.indexes, IndexSync)
    return engine.indexes
