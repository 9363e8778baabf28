"""Rows become answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar, cast

from speakerid.db.access_models import KeyRow
from speakerid.db.engine import Handle
from speakerid.db.models import GalleryRow, UtteranceRow
from speakerid.db.repositories import galleries, speakers, unknowns
from speakerid.db.repositories.speakers import SpeakerSums
from speakerid.db.types import is_damaged, now
from speakerid.encoders.base import label_of
from speakerid.services import judge
from speakerid.services.engine import Engine
from speakerid.types import (
    Change,
    EnrollmentRefusal,
    Gallery,
    Key,
    Page,
    RecordingJob,
    Scope,
    Speaker,
    Speech,
    UnknownVoice,
    Utterance,
)

Item = TypeVar("Item", Change, RecordingJob, Speaker, UnknownVoice, Utterance)

PAGE_ROWS = 200


def page(found: Sequence[Item], limit: int) -> Page[Item]:
    """The first `limit` of `found`: one more was read, only to see whether there is a next page."""
    return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)


def every_page(engine: Engine, page: Callable[..., Page[Item]]) -> list[Item]:
    """All items, page after page: `page(db, cursor=…, limit=…)` gives one."""
    found, cursor = list[Item](), None
    with engine.read() as db:
        while True:
            some = page(db, cursor=cursor, limit=PAGE_ROWS)
            found.extend(some.items)
            if (cursor := some.next_cursor) is None:
                return found


def etag(version: int) -> str:
    return f'"v{version}"'


def gallery(engine: Engine, db: Handle, row: GalleryRow) -> Gallery:
    return Gallery(
        name=row.name,
        target_fpir=row.target_fpir,
        min_speech_seconds=row.min_speech_s,
        enroll_speech_seconds=row.enroll_speech_s,
        keep_audio=row.keep_audio,
        combining=row.combining,
        keep_unknown_voices=row.keep_unknown_voices,
        unknown_voices=unknowns.count(db, row.key),
        encoder=label_of(row.encoder_name, row.encoder_fingerprint),
        calibration=judge.described(engine.serving(row), row),
        speakers=galleries.count_speakers(db, row.key),
        created_at=row.created_at,
        etag=etag(row.version),
    )


def speaker(sums: SpeakerSums, in_gallery: GalleryRow) -> Speaker:
    row = sums.row
    return Speaker(
        id=row.id,
        name=row.name,
        external_id=row.external_id,
        metadata=row.details,
        consent=row.consent,
        status=_status(sums, in_gallery),
        utterances=sums.utterances,
        speech_seconds=round(sums.speech_s, 2),
        remaining_speech_seconds=round(max(0.0, in_gallery.enroll_speech_s - sums.speech_s), 2),
        created_at=row.created_at,
        etag=etag(row.version),
        consent_expired=row.consent_expires_at is not None and row.consent_expires_at <= now(),
        tags=speakers.tags(row),
    )


def utterance(row: UtteranceRow) -> Utterance:
    return Utterance(
        id=row.id,
        sha256=row.sha256,
        speech=Speech(row.speech_s, row.snr_db, row.clipping_ratio, row.bandwidth_hz),
        voices=row.voices,
        accepted=cast(tuple[EnrollmentRefusal, ...], tuple(row.accepted)),
        encoder=label_of(row.encoder_name, row.encoder_fingerprint),
        created_at=row.created_at,
    )


def key(row: KeyRow) -> Key:
    galleries = ("(unreadable)",) if is_damaged(row.galleries) else tuple(row.galleries)
    return Key(
        id=row.id,
        name=row.name,
        scopes=cast(tuple[Scope, ...], tuple(row.scopes)),
        galleries=galleries,
        created_at=row.created_at,
        expires_at=row.expires_at,
        requests_per_minute=row.requests_per_minute,
        audio_seconds_per_day=row.audio_seconds_per_day,
        audio_seconds_today=round(row.audio_s, 2) if row.audio_day == now().date() else 0.0,
        last_used_on=row.last_used_on,
        former_secret_until=row.former_until,
    )


def _status(sums: SpeakerSums, in_gallery: GalleryRow) -> Literal["new", "enrolling", "enrolled", "opted_out"]:
    if sums.row.opted_out_at is not None:
        return "opted_out"
    if sums.utterances == 0:
        return "new"
    return "enrolled" if sums.speech_s >= in_gallery.enroll_speech_s else "enrolling"
