"""Create, list, change and erase galleries, and make the voiceprints in them by their policy."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, SpeakerRow
from speakerid.db.repositories import access_log, changes, galleries, keys, moving, speakers, unknowns, utterances
from speakerid.encoders.base import label_of
from speakerid.errors import DefaultGallery, EncoderMismatch, GalleryExists
from speakerid.scoring.cosine import shares, voiceprint, voiceprints
from speakerid.services import serializers, validation
from speakerid.services.engine import Engine
from speakerid.types import Combining, FloatArray, Gallery

DEFAULT = "default"
SPEAKERS_AT_ONCE = 500


@dataclass(frozen=True)
class GallerySettings:
    """What a gallery decides for itself; None leaves a setting as it is."""

    target_fpir: float | None = None
    min_speech_seconds: float | None = None
    enroll_speech_seconds: float | None = None
    keep_audio: bool | None = None
    combining: Combining | None = None
    keep_unknown_voices: bool | None = None


def create(engine: Engine, db: Handle, name: str, settings: GallerySettings = GallerySettings()) -> GalleryRow:
    """Raises GalleryExists, InvalidRequest."""
    return hidden(engine, db, validation.gallery_name(name), settings)


def hidden(engine: Engine, db: Handle, name: str, settings: GallerySettings) -> GalleryRow:
    """The same under a `name` that may be one that no caller can give. Raises GalleryExists, InvalidRequest."""
    row = GalleryRow(
        name=name,
        encoder_name=engine.encoder.name,
        encoder_fingerprint=engine.encoder.fingerprint,
        target_fpir=0.01,
        min_speech_s=1.0,
        enroll_speech_s=10.0,
        keep_audio=False,
        combining="mean",
        keep_unknown_voices=False,
        version=1,
    )
    _apply(row, settings)
    galleries.add(db, row)
    return row


def ensure_default(engine: Engine) -> None:
    with engine.read() as db:
        missing = galleries.find(db, DEFAULT) is None
    if missing:
        with suppress(GalleryExists), engine.write() as db:  # another process may start at the same time
            create(engine, db, DEFAULT)


def get(engine: Engine, name: str) -> GalleryRow:
    """The gallery as it is now, for a request to work with: not to be changed. Raises GalleryNotFound."""
    return engine.database.remembered(("gallery", name), lambda db: galleries.get(db, name))


def known(engine: Engine, name: str) -> GalleryRow | None:
    """The same as of the last look into the store, without another one."""
    found: GalleryRow | None = engine.database.memory.peek(("gallery", name))
    return found


def every(engine: Engine, db: Handle) -> tuple[Gallery, ...]:
    return tuple(serializers.gallery(engine, db, row) for row in galleries.every(db))


def update(engine: Engine, db: Handle, name: str, settings: GallerySettings, if_match: str | None = None) -> Gallery:
    """Another way of combining makes every voiceprint again; unknown speakers who are kept no longer are forgotten.

    Raises GalleryNotFound, InvalidRequest, PreconditionFailed.
    """
    row = galleries.get(db, name, lock="change")
    validation.unchanged(if_match, row.version)
    combining = row.combining
    _apply(row, settings)
    if not row.keep_unknown_voices:
        unknowns.forget_every(db, row.key)
    row.version += 1
    db.flush()
    if row.combining != combining:
        refresh_voiceprints(db, row.key, speakers.every(db, row.key, lock=True))
    return serializers.gallery(engine, db, row)


def delete(db: Handle, name: str) -> None:
    """Erase a gallery with everything in it. Raises GalleryNotFound, DefaultGallery."""
    if name == DEFAULT:
        raise DefaultGallery
    row = galleries.get(db, name, lock="change")
    access_log.forget_gallery(db, row.key)
    db.delete(row)
    db.flush()
    changes.record_erased_gallery(db, row.key)
    keys.unbind(db, name)


def to_enroll(engine: Engine, db: Handle, name: str) -> GalleryRow:
    """The gallery, held so that its encoder stays what it is: an empty one follows the running encoder.

    Raises GalleryNotFound, EncoderMismatch.
    """
    fingerprint = engine.encoder.fingerprint
    row = galleries.get(db, name)
    row = galleries.get(db, name, lock="use" if row.encoder_fingerprint == fingerprint else "change")
    if row.encoder_fingerprint == fingerprint:
        return row
    if galleries.has_utterances(db, row.key):
        made_with = label_of(row.encoder_name, row.encoder_fingerprint)
        raise EncoderMismatch(row.name, made_with, engine.encoder_label)
    row.encoder_name, row.encoder_fingerprint = engine.encoder.name, fingerprint
    return row


def _apply(row: GalleryRow, settings: GallerySettings) -> None:
    if settings.target_fpir is not None:
        row.target_fpir = validation.share(settings.target_fpir, "target_fpir")
    if settings.min_speech_seconds is not None:
        row.min_speech_s = validation.seconds(settings.min_speech_seconds, "min_speech_seconds")
    if settings.enroll_speech_seconds is not None:
        row.enroll_speech_s = validation.seconds(settings.enroll_speech_seconds, "enroll_speech_seconds")
    if settings.keep_audio is not None:
        row.keep_audio = settings.keep_audio
    if settings.combining is not None:
        row.combining = validation.combining(settings.combining)
    if settings.keep_unknown_voices is not None:
        row.keep_unknown_voices = settings.keep_unknown_voices


def refresh_voiceprints(db: Handle, gallery_key: int, rows: Sequence[SpeakerRow]) -> None:
    """Of speakers of this gallery, held by the caller, from their utterances as they are now."""
    db.flush()
    combining = galleries.combining(db, gallery_key)
    for start in range(0, len(rows), SPEAKERS_AT_ONCE):
        some = rows[start : start + SPEAKERS_AT_ONCE]
        found = utterances.spoken(db, gallery_key, [row.key for row in some])
        for row in some:
            own = found.get(row.key)
            row.voiceprint = voiceprint(own.embeddings, shares(combining, own.seconds)) if own else None
            row.version += 1
            changes.record(db, gallery_key, row.key)
        db.flush()


def remake_voiceprints(db: Handle, gallery_key: int) -> None:
    """Of every speaker of a gallery that has another encoder now, held by the caller; the index is built anew then.

    Of rows that `db` has read already, it knows the old ones.
    """
    combining = galleries.combining(db, gallery_key)
    for some in moving.keys_in_parts(db, SpeakerRow, gallery_key, SPEAKERS_AT_ONCE):
        own = utterances.spoken(db, gallery_key, some)
        made = dict[int, FloatArray]()
        if own:
            embeddings = np.concatenate([one.embeddings for one in own.values()])
            weights = shares(combining, np.concatenate([one.seconds for one in own.values()]))
            counts = [len(one.seconds) for one in own.values()]
            made = dict(zip(own, voiceprints(embeddings, counts, weights), strict=True))
        speakers.put_voiceprints(db, {key: made.get(key) for key in some})
