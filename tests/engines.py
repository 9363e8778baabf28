"""Engines for tests: everything real but the encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from speakerid.audio.decode import Samples
from speakerid.audio.limits import Channel
from speakerid.audio.prepare import CleanSpeech, Preparer
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_fitted
from speakerid.db.engine import open_database
from speakerid.encoders.base import Encoder
from speakerid.encoders.batching import Batcher
from speakerid.encoders.fake import FakeEncoder
from speakerid.index.base import VectorIndex
from speakerid.index.faiss import FaissFlatIndex
from speakerid.scoring.calibration import generic
from speakerid.scoring.fitted import Fitted
from speakerid.services.engine import Engine
from speakerid.services.galleries import ensure_default
from speakerid.services.index_sync import IndexSync


class RememberingPreparer(Preparer):
    """Hears each file once, because hearing takes 80 ms and tests use the same files."""

    def __init__(self) -> None:
        super().__init__(SileroVad())
        self._heard: dict[bytes, CleanSpeech] = {}

    def prepare(self, audio: bytes | Samples, *, channel: Channel = "mix") -> CleanSpeech:
        if not isinstance(audio, bytes) or channel != "mix":
            return super().prepare(audio, channel=channel)
        if audio not in self._heard:
            self._heard[audio] = super().prepare(audio)
        return self._heard[audio]


class EngineMaker(Protocol):
    """`make_engine` without its preparer."""

    def __call__(
        self,
        store: str,
        *,
        encoder: Encoder | None = None,
        max_queue: int = 64,
        calibrated: bool = True,
        new_index: Callable[[int], VectorIndex] = FaissFlatIndex,
    ) -> Engine: ...


def make_engine(
    store: str,
    preparer: Preparer,
    *,
    encoder: Encoder | None = None,
    max_queue: int = 64,
    calibrated: bool = True,
    new_index: Callable[[int], VectorIndex] = FaissFlatIndex,
) -> Engine:
    """Over a store at the newest schema. `encoder` is the fake one unless given."""
    database = open_database(store)
    encoder = encoder or FakeEncoder()
    fitted = load_fitted(encoder) if calibrated else Fitted(generic(encoder.fingerprint))
    batcher = Batcher(encoder, max_queue=max_queue)
    engine = Engine(
        database=database,
        encoder=batcher,
        preparer=preparer,
        indexes=IndexSync(database, new_index, batcher),
        calibration=fitted.calibration,
        limits=fitted.limits,
    )
    ensure_default(engine)
    return engine
