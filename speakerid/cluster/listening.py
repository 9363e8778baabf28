"""Probes and embeddings by workers of a cluster, which have an encoder and no store of their own."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from speakerid.audio.decode import Preparer
from speakerid.audio.files import read_file
from speakerid.audio.limits import Channel, DecodeLimits
from speakerid.audio.vad import SileroVad
from speakerid.bootstrap import load_encoder
from speakerid.cluster.actors import spread
from speakerid.db.cipher import MasterKey
from speakerid.db.engine import open_database
from speakerid.db.repositories import moving
from speakerid.db.unlock import unlock
from speakerid.encoders.base import Encoder
from speakerid.errors import EncoderFailed, SpeakeridError
from speakerid.scoring.coach import UNFITTED, CoachLimits
from speakerid.services.coach import enrollment_probe
from speakerid.services.engine import Engine
from speakerid.services.probe import EmbeddedUtterance, Probe, ProbeOptions, embed_speech, prepare_probe
from speakerid.types import FloatArray


@dataclass(frozen=True)
class ClusterWork:
    """How a worker hears as the driver does."""

    encoder: str  # what it is loaded by
    fingerprint: str
    decoding: DecodeLimits
    limits: CoachLimits = UNFITTED

    @classmethod
    def like(cls, engine: Engine, encoder: str, decoding: DecodeLimits) -> ClusterWork:
        return cls(encoder, engine.encoder.fingerprint, decoding, engine.limits)


class WorkersListener:
    """`services.probe.Listener` of a machine without the store."""

    def __init__(self, work: ClusterWork) -> None:
        """Raises EncoderError."""
        self.encoder = same_encoder(work.encoder, work.fingerprint)
        self.limits = work.limits
        self._preparer = Preparer(SileroVad(), work.decoding)

    def embedded(self, audio: bytes, options: ProbeOptions) -> EmbeddedUtterance:
        return embed_speech(self._preparer, self.encoder.embed, audio, options)


def same_encoder(spec: str, fingerprint: str) -> Encoder:
    """Raises EncoderError, also where this machine has another encoder under the same name."""
    encoder = load_encoder(spec)
    if encoder.fingerprint != fingerprint:
        raise EncoderFailed(
            f"A machine of the cluster has another encoder for {spec!r}. Bring the same models to all of them, with "
            "'speakerid models export' and 'speakerid models import'."
        )
    return encoder


def probes(
    work: ClusterWork, files: Sequence[Path], channel: Channel, *, with_audio: bool, workers: int
) -> Generator[Probe | None]:
    """Of each file in its order, without who sounds alike; None where that failed: who tries it here learns why.

    Raises what `spread` does.
    """
    return spread(FileListener, (work, channel, with_audio), files, workers=workers)


class FileListener:
    def __init__(self, work: ClusterWork, channel: Channel, with_audio: bool) -> None:
        self._listener, self._channel, self._with_audio = WorkersListener(work), channel, with_audio

    def __call__(self, file: Path) -> Probe | None:
        try:
            probe = enrollment_probe(self._listener, read_file(file), self._channel)
        except SpeakeridError:
            return None
        return probe if self._with_audio else replace(probe, audio=b"")


@dataclass(frozen=True)
class KeptStore:
    """Where workers read kept audio."""

    place: str  # a postgresql:// URL, or a path of this machine
    master_key_file: Path | None


def embeddings(
    work: ClusterWork, store: KeptStore, gallery_key: int, utterances: Sequence[int], *, workers: int
) -> Generator[FloatArray | None]:
    """`(dim,)` of each utterance's kept audio, by their keys, in their order; None where that failed.

    Raises what `spread` does.
    """
    return spread(UtteranceListener, (work, store, gallery_key), utterances, workers=workers)


class UtteranceListener:
    def __init__(self, work: ClusterWork, store: KeptStore, gallery_key: int) -> None:
        """Raises EncoderError, StoreError."""
        self._listener, self._gallery_key = WorkersListener(work), gallery_key
        self._database = open_database(store.place, create=False)
        unlock(self._database, MasterKey.given(store.master_key_file))

    def __call__(self, utterance: int) -> FloatArray | None:
        try:
            with self._database.read() as db:
                audio = moving.audio(db, self._gallery_key, utterance)
            return prepare_probe(self._listener, audio, min_speech_s=0.0).embedding
        except SpeakeridError:
            return None
