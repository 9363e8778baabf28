"""What the services work with: the store, the encoder, the audio path and the index, wired once by `bootstrap`."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from speakerid.audio.decode import OnLost, Preparer, unasked
from speakerid.audio.limits import SAMPLE_RATE_HZ, Channel
from speakerid.audio.long_audio_reader import LongAudioReader
from speakerid.classification.classifier import ClassifierFolder
from speakerid.db.asked import ASKED, AudioQuota
from speakerid.db.engine import Database, Handle
from speakerid.db.erasure import FINISH, Effort
from speakerid.db.models import GalleryRow
from speakerid.db.repositories import changes, galleries
from speakerid.diarization.clustering import ClusterOptions
from speakerid.encoders.base import label
from speakerid.encoders.batching import Batcher
from speakerid.errors import EncoderMismatch
from speakerid.scoring.calibration import Calibration, OwnStrangers
from speakerid.scoring.coach import UNFITTED, CoachLimits
from speakerid.services import quota
from speakerid.services.neighbors import Indexes
from speakerid.services.probe import EmbeddedUtterance, ProbeOptions, embed_speech
from speakerid.transcription.whisper import Transcriber
from speakerid.types import FloatArray, SpeakerRef

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Policy:
    """How scores become decisions."""

    prior: float = 0.5  # probability, before listening, that a probe is of the speaker it is compared with
    ambiguous_margin_llr: float = 1.0  # two speakers above the threshold and closer than this: ambiguous
    clusters: ClusterOptions = field(default_factory=ClusterOptions)  # which segments of a recording are one person


class Workload:
    """What was decided and decoded since the start, for whoever watches the service."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decisions: Counter[tuple[str, ...]] = Counter()
        self._audio_s = 0.0

    def decided(self, verb: str, decision: str) -> None:
        with self._lock:
            self._decisions[verb, decision] += 1

    def decoded(self, seconds: float) -> None:
        with self._lock:
            self._audio_s += seconds

    def decisions(self) -> dict[tuple[str, ...], int]:
        """By verb and decision."""
        with self._lock:
            return dict(self._decisions)

    def audio_s(self) -> float:
        return self._audio_s


Ended = Callable[[str, Mapping[str, str | int]], None]  # how a request ended: its name by method and route, and figures


class Traces(Protocol):
    """How long requests, jobs and their steps take, for an operator's collector.

    What is handed over names a kind of thing, such as a route or a step: never a person, a file or an id.
    """

    def step(self, name: str) -> AbstractContextManager[object]:
        """Of the request or job at hand; nothing where there is none."""
        ...

    def request(self, headers: Mapping[str, str]) -> AbstractContextManager[Ended]:
        """Part of its caller's trace where `headers` have a traceparent (W3C), or one of its own."""
        ...

    def job(self, name: str) -> AbstractContextManager[object]:
        """A trace of its own."""
        ...

    def ids(self) -> Mapping[str, str]:
        """Of the trace and the step at hand, for lines of the log."""
        ...


class Untraced:
    """No one collects traces."""

    def step(self, name: str) -> AbstractContextManager[object]:
        return nullcontext()

    def job(self, name: str) -> AbstractContextManager[object]:
        return nullcontext()

    def request(self, headers: Mapping[str, str]) -> AbstractContextManager[Ended]:
        return nullcontext(lambda name, figures: None)

    def ids(self) -> Mapping[str, str]:
        return {}


UNTRACED = Untraced()


@dataclass(frozen=True)
class WorkersState:
    """Of the processes that decode and embed."""

    wanted: int
    ready: int
    busy: int
    waiting: int  # recordings
    replaced: int  # since the start
    last_success_age_s: float | None  # since one has embedded anything


class EncoderWorkers(Protocol):
    """Processes that do what `embed_speech` does. Safe to share between threads."""

    def serves(self, fingerprint: str) -> bool:
        """Whether they have that encoder."""
        ...

    def embedded(
        self,
        audio: bytes,
        options: ProbeOptions,
        fingerprint: str,
        traces: Traces,
        decoded: Callable[[float], None],
        counted: bool,
    ) -> EmbeddedUtterance:
        """By that encoder. `decoded` gets the seconds; what is `counted` is embedded after it only, and not at all
        where it raises. With `options.background` when no request waits.

        Raises what `embed_speech` and `decoded` do, EncoderWorkerLost, ServiceStopping, Overloaded, ClientGone.
        """
        ...

    def wait_until_ready(self) -> None:
        """Raises EncoderWorkersFailed."""
        ...

    def state(self) -> WorkersState: ...

    def end_soon(self) -> None:
        """The service ends: who waits for what hangs is answered within seconds. A signal may call it."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Engine:
    database: Database
    encoder: Batcher
    preparer: Preparer
    indexes: Indexes
    calibration: Calibration  # the encoder's own, or a prior for any
    limits: CoachLimits = UNFITTED  # of the enrollment coach
    policy: Policy = Policy()
    long_audio: LongAudioReader = field(default_factory=LongAudioReader)
    classifiers: ClassifierFolder = field(default_factory=ClassifierFolder)  # none
    workload: Workload = field(default_factory=Workload)
    transcriber: Transcriber | None = None
    traces: Traces = UNTRACED
    effort: Effort = FINISH  # with erasures, whose traces are removed from the files before `write` returns
    workers: EncoderWorkers | None = None  # None: this process does it all
    others: tuple[Engine, ...] = ()  # the same with another encoder each, for galleries that were made with it

    @property
    def encoder_label(self) -> str:
        return label(self.encoder)

    @property
    def audio_quota(self) -> AudioQuota | None:
        """Of the key that asks."""
        asked = ASKED.get()
        return None if asked is None else asked.audio_quota

    def decode(self, audio: bytes, *, channel: Channel = "mix", lost: OnLost = unasked) -> FloatArray:
        """(n,) float32 at 16 kHz with its pauses, of what a caller sent. Raises AudioError, KeyQuotaReached."""
        with self._counted(audio) as spent:
            samples = self.preparer.decode(audio, channel=channel, lost=lost)
            spent.append(len(samples) / SAMPLE_RATE_HZ)
        self.workload.decoded(len(samples) / SAMPLE_RATE_HZ)
        return samples

    def embedded(self, audio: bytes, options: ProbeOptions) -> EmbeddedUtterance:
        """Of what a caller sent: what was decoded is counted, also where embedding it fails.

        Raises what `embed_speech` does, KeyQuotaReached, Overloaded, EncoderWorkerLost, ServiceStopping.
        """
        if self.workers is None or not self.workers.serves(self.encoder.fingerprint):
            embed = partial(self.encoder.embed, background=options.background)
            return embed_speech(self.preparer, embed, audio, options, self.decode)
        with ExitStack() as counting:
            spent = counting.enter_context(self._counted(audio))

            def decoded(seconds: float) -> None:
                spent.append(seconds)
                counting.close()  # settled before anything is embedded, as where this process decodes
                self.workload.decoded(seconds)

            fingerprint, counted = self.encoder.fingerprint, self.audio_quota is not None
            return self.workers.embedded(audio, options, fingerprint, self.traces, decoded, counted)

    def _counted(self, audio: bytes) -> AbstractContextManager[list[float]]:
        """See `quota.spending`."""
        if (limit := self.audio_quota) is None:
            return nullcontext([])
        return quota.spending(self.database, limit, lambda: self.long_audio.announced(audio))

    @property
    def each(self) -> tuple[Engine, ...]:
        """One an encoder, this one first."""
        return (self, *self.others)

    def serving(self, gallery: GalleryRow) -> Engine:
        """The one whose encoder the gallery was made with; this one where that is none of them."""
        fingerprint = gallery.encoder_fingerprint
        return next((one for one in self.each if one.encoder.fingerprint == fingerprint), self)

    def with_encoder(self, gallery: GalleryRow, work: Callable[[Engine, GalleryRow], T]) -> T:
        """`work` with the engine that serves the gallery; once more where the gallery changed its encoder meanwhile."""
        serving = self.serving(gallery)
        try:
            return work(serving, gallery)
        except EncoderMismatch:
            with self.read() as db:
                now = galleries.by_key(db, gallery.key)
            if now is None or self.serving(now) is serving:
                raise
            if (asked := ASKED.get()) is not None:
                asked.audio_quota = None  # the same audio is not counted twice
            return work(self.serving(now), now)

    def decided(self, verb: str, gallery: str, decision: str, speakers: Sequence[SpeakerRef | None]) -> None:
        """Count it, and note who was named for the access log."""
        self.workload.decided(verb, decision)
        if (asked := ASKED.get()) is not None:
            asked.gallery = gallery
            asked.speaker_ids += [one.id for one in speakers if one is not None and one.id not in asked.speaker_ids]

    @contextmanager
    def read(self) -> Iterator[Handle]:
        with self.traces.step("read"), self.database.read() as db:
            yield db

    def own_strangers(self, gallery_key: int) -> OwnStrangers | None:
        """See `Indexes.own_strangers`."""
        return self.indexes.own_strangers(gallery_key, self.calibration.strangers)

    @contextmanager
    def write(self, *, erase: bool = False) -> Iterator[Handle]:
        """One transaction: commit when the block ends well, then let the index follow.

        `erase` also removes what SQLite keeps of deleted rows in its files, as far as `effort` goes.
        """
        with self.traces.step("write"), self.database.write() as db:
            yield db
            if erase:
                changes.note_erasure(db)
        try:
            gone = changes.erased_galleries(db)
            for one in self.each:
                one.indexes.apply(changes.touched(db))
                one.indexes.forget(gone)
            self.database.forget_keys(gone)
        finally:
            if erase:
                self.scrub()

    def scrub(self, effort: Effort | None = None) -> None:
        """What pending erasures still need, as far as `effort` goes. What is left, the next start does."""
        self.indexes.purge()
        if not self.database.scrub(effort or self.effort) and self.effort is FINISH:
            logger.warning("others use the store, so traces of what was erased stay in its files until the next start")

    def erased(self, db: Handle) -> bool:
        """Whether nothing is left in the store's files of what `db`, a `write(erase=True)` that ended, erased."""
        erasure = changes.noted_erasure(db)
        if erasure is None:
            return True
        with self.read() as now:
            return not changes.is_erasure_pending(now, erasure)

    def close(self) -> None:
        if self.workers is not None:
            self.workers.close()
        for one in self.each:
            one.encoder.close()
            one.indexes.close()
        self.database.close()
