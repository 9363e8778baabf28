"""Take a recording in: its audio piece by piece, then a place in the queue."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from speakerid.audio.limits import check_channel
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, RecordingRow
from speakerid.db.repositories import galleries, recordings
from speakerid.db.types import new_id
from speakerid.errors import EmptyAudio, FileTooLarge, RecordingNotFound, TooManyRecordings
from speakerid.names import from_filename
from speakerid.services import quota, speakers, validation
from speakerid.services.diarize import check_count
from speakerid.services.engine import Engine
from speakerid.services.idempotency import Repeat, earlier, keep
from speakerid.services.recordings import audio, erase, results, webhooks
from speakerid.services.recordings.audio import this_process
from speakerid.types import JobOptions, to_json

RENEW_S = 10.0  # of the lease on what is coming in


@dataclass(frozen=True)
class Intake:
    """What the operator lets in."""

    max_bytes: int = 2 * 1024**3
    max_waiting: int = 100  # recordings of one API key
    private_webhooks: bool = False


@dataclass(frozen=True)
class RecordingRequest(JobOptions):
    """What the caller wants; `candidates` by name or id."""

    webhook: str | None = None
    name: str | None = None


@dataclass
class Upload:
    """A recording that is coming in. `add` its bytes, then `finish`."""

    engine: Engine
    gallery: GalleryRow
    options: JobOptions
    key: int
    id: str
    max_bytes: int
    name: str | None = None
    size: int = 0
    _pieces: int = 0
    _renewed: float = field(default_factory=time.monotonic)
    _waiting: bytearray = field(default_factory=bytearray)
    _digest: Any = field(default_factory=hashlib.sha256)

    def add(self, chunk: bytes) -> None:
        """Raises FileTooLarge, RecordingNotFound when it was erased meanwhile, with its gallery for example."""
        self.size += len(chunk)
        if self.size > self.max_bytes:
            raise FileTooLarge(self.max_bytes)
        self._digest.update(chunk)
        self._waiting += chunk
        while len(self._waiting) >= audio.PIECE_BYTES:
            self._keep(bytes(self._waiting[: audio.PIECE_BYTES]))
            del self._waiting[: audio.PIECE_BYTES]
        if time.monotonic() > self._renewed + RENEW_S:
            self._keep(b"")  # bytes come, but not yet enough for a piece

    def call_after(self, filename: str | None) -> None:
        """Where the caller gave no name, the file's is taken."""
        if self.name is None and filename is not None:
            self.name = from_filename(filename)

    def finish(self, repeat: Repeat | None = None) -> tuple[dict[str, Any], bool]:
        """The job that waits now, as JSON values; or the answer to the same request before, and True.

        Raises AudioError for what cannot be a recording, RecordingNotFound, IdempotencyKeyReused, KeyQuotaReached.
        """
        if self._waiting:
            self._keep(bytes(self._waiting))
        seconds = self._check()
        with self.engine.write() as db:
            if repeat is not None and (before := earlier(db, repeat)) is not None:
                return before.answer, True
            if (limit := self.engine.audio_quota) is not None:
                quota.take(db, limit, seconds)
            row = recordings.enqueue(db, self.key, self._digest.hexdigest(), self.name, seconds)
            if row is None:
                raise RecordingNotFound(self.id)
            answer: dict[str, Any] = to_json(results.shaped(row))
            if repeat is not None:
                keep(db, repeat, 202, answer, self.gallery.name)
        return answer, False

    def repeat(self, caller: str, path: str, key: str, query: str) -> Repeat:
        """This request under an Idempotency-Key."""
        return Repeat.of(caller, path, key, f"{query}\n{self._digest.hexdigest()}".encode())

    def _keep(self, piece: bytes) -> None:
        with self.engine.write() as db:
            if not recordings.receive(db, self.key, self._pieces, piece):
                raise RecordingNotFound(self.id)
        self._pieces += bool(piece)
        self._renewed = time.monotonic()

    def _check(self) -> float:
        """Seconds, as far as they are known. What no worker could do anything with is refused at once."""
        if not self.size:
            raise EmptyAudio
        stored = audio.stored(self.engine, self.key, self.size)
        try:
            announced = self.engine.long_audio.announced(stored)
        except audio.AudioGone:
            raise RecordingNotFound(self.id) from None
        if self.options.channel != "split":
            check_channel(self.options.channel, announced.channels)
        return announced.seconds or 0.0


@contextmanager
def receiving(
    engine: Engine, gallery: GalleryRow, asked: RecordingRequest, intake: Intake, key_id: str | None = None
) -> Iterator[Upload]:
    """Nothing is left of it when the block fails, or ends without a new job.

    Raises InvalidRequest, SpeakerNotFound, GalleryNotFound, WebhookRefused, TooManyRecordings.
    """
    upload = _begin(engine, gallery, asked, intake, key_id)
    try:
        yield upload
    finally:
        erase.unless_queued(engine, upload.key)


def _begin(engine: Engine, gallery: GalleryRow, asked: RecordingRequest, intake: Intake, key_id: str | None) -> Upload:
    check_count(asked)
    name = None if asked.name is None else validation.name(asked.name)
    called = None if asked.webhook is None else webhooks.checked(asked.webhook, private=intake.private_webhooks)
    with engine.write() as db:
        gallery = galleries.get(db, gallery.name, lock="use")  # it may have been erased since it was looked up
        if recordings.waiting(db, key_id) >= intake.max_waiting:
            raise TooManyRecordings(intake.max_waiting)
        options = with_ids(db, gallery, asked)
        row = RecordingRow(
            id=new_id("rec"),
            gallery_key=gallery.key,
            key_id=key_id,
            state="receiving",
            options=to_json(options),
            webhook=called,
            worker=this_process(),
            lease_until=recordings.clock(db) + recordings.UPLOAD_LEASE,
        )
        db.add(row)
        db.flush()
    return Upload(engine, gallery, options, row.key, row.id, intake.max_bytes, name)


def with_ids(db: Handle, gallery: GalleryRow, asked: JobOptions) -> JobOptions:
    """Of speakers by name or id. Raises SpeakerNotFound, InvalidRequest, InvalidTag."""
    candidates = asked.candidates
    if candidates is not None:
        candidates = tuple(sorted({speakers.by_name_or_id(db, gallery, one).id for one in candidates}))
    tags = None if asked.tags is None else validation.tags(asked.tags)
    return JobOptions(asked.speakers, asked.min_speakers, asked.max_speakers, candidates, asked.channel, tags)
