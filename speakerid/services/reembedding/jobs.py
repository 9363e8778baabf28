"""Begin, look at and cancel a gallery's move to another encoder."""

from __future__ import annotations

from typing import cast

from speakerid.db import pgvector
from speakerid.db.engine import Handle
from speakerid.db.models import ReembeddingRow
from speakerid.db.repositories import galleries, recordings, reembeddings
from speakerid.db.types import new_id
from speakerid.encoders.base import label_of
from speakerid.errors import (
    AudioNotKept,
    EncoderNotServed,
    ReembeddingEnded,
    ReembeddingRunning,
    SameEncoder,
    SpeakeridError,
)
from speakerid.services.engine import Engine
from speakerid.types import JobError, JobState, Reembedding


def start(engine: Engine, gallery: str, encoder: str | None = None) -> Reembedding:
    """Have the gallery moved to the encoder of this name, by default the running one; to that again is the same job.

    Raises GalleryNotFound, EncoderNotServed, SameEncoder, AudioNotKept, ReembeddingRunning.
    """
    target = engine if encoder is None else _named(engine, encoder)
    with engine.write() as db:
        row = galleries.get(db, gallery, lock="change")
        job = reembeddings.under_way(db, row.key)
        if job is not None and job.encoder_fingerprint != target.encoder.fingerprint:
            raise ReembeddingRunning(label_of(job.encoder_name, job.encoder_fingerprint))
        if job is None and row.encoder_fingerprint == target.encoder.fingerprint:
            raise SameEncoder(target.encoder_label, _labels(engine))
        if job is None or not reembeddings.is_switched(db, job):
            require_audio(db, row.key)
        if job is None:
            reembeddings.drop_ended(db, row.key)
            job = ReembeddingRow(
                id=new_id("emb"),
                gallery_key=row.key,
                from_encoder=label_of(row.encoder_name, row.encoder_fingerprint),
                encoder_name=target.encoder.name,
                encoder_fingerprint=target.encoder.fingerprint,
                state="queued",
            )
            db.add(job)
            db.flush()
        return shaped(db, gallery, job)


def latest(engine: Engine, gallery: str) -> Reembedding:
    """The gallery's last one. Raises GalleryNotFound, ReembeddingNotFound."""
    with engine.read() as db:
        return shaped(db, gallery, reembeddings.latest(db, galleries.get(db, gallery).key))


def cancel(engine: Engine, gallery: str) -> Reembedding:
    """One that runs stops within seconds; the gallery stays as it is.

    Raises GalleryNotFound, ReembeddingNotFound, ReembeddingEnded.
    """
    with engine.write(erase=True) as db:
        row = reembeddings.latest(db, galleries.get(db, gallery).key, lock=True)
        if row.state in ("queued", "running") and reembeddings.is_switched(db, row):
            raise ReembeddingEnded("done")
        if row.state == "running":
            row.cancelling = True
        elif row.state == "queued":
            end(db, row, "cancelled")
        elif row.state != "cancelled":
            raise ReembeddingEnded(row.state)
        db.flush()
        return shaped(db, gallery, row)


def require_audio(db: Handle, gallery_key: int) -> None:
    """Raises AudioNotKept, with how many utterances have none."""
    without = reembeddings.count_without_audio(db, gallery_key)
    if without:
        raise AudioNotKept(without, reembeddings.count_utterances(db, gallery_key))


def end(db: Handle, row: ReembeddingRow, state: recordings.Ended, error: SpeakeridError | None = None) -> None:
    """What was made for it and is not in place is erased."""
    recordings.end(db, row, state)
    reembeddings.drop_made(db, row.key)
    if error is not None:
        row.error_code, row.error_detail = error.code, str(error)


def shaped(db: Handle, gallery: str, row: ReembeddingRow) -> Reembedding:
    """The row as the answer of the API."""
    return Reembedding(
        id=row.id,
        gallery=gallery,
        state=cast(JobState, row.state),
        progress=100.0 if row.state == "done" else round(100.0 * row.progress, 1),
        utterances=reembeddings.count_utterances(db, row.gallery_key),
        from_encoder=row.from_encoder,
        encoder=label_of(row.encoder_name, row.encoder_fingerprint),
        cancelling=row.cancelling and row.state == "running",
        error=JobError(row.error_code, row.error_detail or "") if row.error_code else None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        advice=pgvector.LACKING if row.state == "done" and pgvector.lacks_index(db, row.gallery_key) else None,
    )


def _named(engine: Engine, encoder: str) -> Engine:
    """Raises EncoderNotServed."""
    asked = {encoder, encoder.replace(" ", "+")}  # `?encoder=campplus+ecapa-mini`: in an address a plus is a blank
    for one in engine.each:
        if asked & {one.encoder.name, one.encoder_label}:
            return one
    raise EncoderNotServed(encoder, _labels(engine))


def _labels(engine: Engine) -> list[str]:
    return [one.encoder_label for one in engine.each]
